"""Real monitors for tests: each Alertmanager and Prometheus has a free loopback port and a folder of its own."""

from pathlib import Path

import httpx

from tests.integration.real import Process, free_ports, requires


class Monitor:
    """A running Alertmanager or Prometheus; its address and data outlive `stop`, `kill` and `start`."""

    def __init__(self, folder: Path, command: list[str], port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._command = command
        self._process: Process | None = None

    def start(self) -> None:
        """Start, and return once it is ready. Does nothing if it runs."""
        if self._process and self._process.is_alive():
            return
        self._process = Process(self._command, self.folder / "output.log", cwd=self.folder)
        self._process.wait_until(self._is_ready)

    def stop(self) -> None:
        """Stop cleanly."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """Kill -9."""
        if self._process:
            self._process.kill()

    def said(self) -> str:
        """The end of its output, for a failing assertion."""
        return self._process.last_words() if self._process else ""

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=1).is_success
        except httpx.TransportError:
            return False


def alertmanager(folder: Path, config: str, *more: str) -> Monitor:
    """A real Alertmanager, not started, with `config` as its configuration file, `more` options and no cluster."""
    binary = requires("prometheus-alertmanager", "apt install prometheus-alertmanager")
    (port,) = free_ports(1)
    (folder / "alertmanager.yml").write_text(config)
    options = [
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    return Monitor(folder, [binary, *options, *more], port)


def prometheus(folder: Path, config: str, *more: str) -> Monitor:
    """A real Prometheus, not started, with `config` as its configuration file and `more` options."""
    binary = requires("prometheus", "apt install prometheus")
    (port,) = free_ports(1)
    (folder / "prometheus.yml").write_text(config)
    options = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    return Monitor(folder, [binary, *options, *more], port)
