"""A rack of machines as a scene: what it is called every morning, before anything surges there."""

from tests.scene import Told, alert

NAMES = ("Alpha", "Bravo", "Carbon", "Delta", "Echo", "Fox", "Gold", "Hotel", "India", "Juliet", "Kilo", "Lima")


def on_rack(name: str, rack: str = "r1") -> Told:
    """An alert that shares little with the others but its rack, and much with what its name names every day."""
    own = name.removeprefix("Job")
    return alert(name)._replace(labels={"rack": rack} | {f"{own.lower()}{n}": f"{own}{n}" for n in range(24)})


def morning() -> list[tuple[float, Told]]:
    """Hours in which racks become an everyday thing to name."""
    return [(-7200 + 300 * n, on_rack(f"Job{name}", rack=f"q{n % 3}")) for n, name in enumerate(NAMES)]
