"""A form is read here, within the same limits of bytes and time as any other body."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from pipeline.edge.gateway import body
from pipeline.edge.gateway.admission import Admission
from pipeline.edge.gateway.problem import Kind, Refusal
from pipeline.settings import Settings

MAX_BYTES = 256 * 1024
MAX_FIELDS = 1000
MAX_REQUESTS = 16  # at once
_URLENCODED = "application/x-www-form-urlencoded"


class Form:
    """The fields of a form, as they were sent; a field may be there several times."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """The last value of a field, or nothing."""
        return next((value for key, value in reversed(self._fields) if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every value of a field, each once."""
        return list(dict.fromkeys(value for key, value in self._fields if key == name))


class Forms:
    """Reads forms."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_copy(update={"max_body_bytes": MAX_BYTES})
        self._admission = Admission(MAX_REQUESTS, settings.max_bytes_in_flight)

    async def read(self, request: Request) -> Form:
        """The form in a request. Raises Refusal."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _URLENCODED:
            raise Refusal(Kind.ENCODING, f"a form is sent as {_URLENCODED}")
        with self._admission.admit() as slot:
            value = await body.read(request, self._settings, slot)
            try:
                text = value.decode()
                return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
            except (UnicodeDecodeError, ValueError):
                raise Refusal(Kind.MALFORMED, "the form is not text, or has too many fields") from None


def local(address: str, otherwise: str) -> str:
    """An address to go on to, if it is one of our own pages."""
    is_ours = address.startswith("/ui/") and not any(char in address for char in "\\\r\n\t") and "//" not in address
    return address if is_ours and address.isascii() else otherwise
