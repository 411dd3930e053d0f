"""The refusals of coupons."""

from __future__ import annotations

from shared.errors import DomainError, Kind

COUPONS_MAX = 10_000
"""Coupons of a shop, archived ones too."""
BATCH_MAX = 1_000_000
"""Codes of one batch."""
BATCHES_MAX = 10_000
"""Batches of one coupon."""
CODES_OF_CART_MAX = 5
"""Codes that one cart can have."""


class CouponInvalid(DomainError):
    """A document is no coupon, or contradicts itself."""

    kind, code = Kind.INVALID, "coupon_invalid"


class CouponNotFound(DomainError):
    """There is no coupon with this code."""

    kind, code = Kind.NOT_FOUND, "coupon_not_found"


class TooManyCoupons(DomainError):
    """A shop has as many coupons as a shop can have."""

    kind, code = Kind.CONFLICT, "too_many_coupons"
    constants = {"most": COUPONS_MAX}


class TooManyBatches(DomainError):
    """A coupon has as many batches as a coupon can have."""

    kind, code = Kind.CONFLICT, "too_many_coupon_batches"
    constants = {"most": BATCHES_MAX}


class CouponKept(DomainError):
    """Another version of a coupon changes its kind or its text, which its codes depend on."""

    kind, code = Kind.CONFLICT, "coupon_kept"


class CodeTaken(DomainError):
    """Another coupon has this text as its code."""

    kind, code = Kind.CONFLICT, "coupon_code_taken"


class CouponIsGeneric(DomainError):
    """A generic coupon has one code, so none can be made or issued."""

    kind, code = Kind.CONFLICT, "coupon_is_generic"


class CouponArchived(DomainError):
    """Codes of an archived coupon were to be made or issued."""

    kind, code = Kind.CONFLICT, "coupon_archived"


class BatchNotFound(DomainError):
    """There is no batch with this id."""

    kind, code = Kind.NOT_FOUND, "coupon_batch_not_found"


class CodeRefused(DomainError):
    """A code of a cart cannot be used. `codes` of the answer says which, and why."""

    kind, code = Kind.CONFLICT, "code_refused"
