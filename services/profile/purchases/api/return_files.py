"""Files of returns: a row is one line that goes back, and the rows with one return id are one return."""

from services.profile.purchases.api.returns import ReturnIn
from services.profile.purchases.domain.imports import IMPORT_RETURNS
from services.profile.purchases.domain.returns import Return
from shared.files.entries import Cells, Kind, integer
from shared.files.imports import FileParameters, Json, RequestReader


def _head(_number: int, row: Cells, source: str) -> Json:
    return {
        "source": source,
        "return_id": row["return_id"],
        "order_id": row["order_id"],
        "returned_at": row["returned_at"].strip(),
    }


def _line(number: int, row: Cells) -> Json:
    return {name: integer(number, name, row[name]) for name in ("line", "quantity")}


RETURNS = Kind(
    plural="returns",
    key="return_id",
    required=("return_id", "order_id", "returned_at", "line", "quantity"),
    one_of=(),
    optional=(),
    of_the_whole=("order_id", "returned_at"),
    related_by="order_id",
    model=ReturnIn,
    head=_head,
    line=_line,
)


class _ReturnReader(RequestReader[Return]):
    operation, key, example = IMPORT_RETURNS, RETURNS.key, ("R-1", "ret_01k2m9d6v4e8r7a1b2c3d4e5f6")

    def kind_of(self, _: FileParameters) -> Kind:
        return RETURNS

    def reported_of(self, body: Json) -> Return:
        return ReturnIn.model_validate(body).reported


READER = _ReturnReader()
