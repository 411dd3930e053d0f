"""Why a token is not accepted, in words that say what to do."""

from shared.errors import DomainError, Kind

_TITLE = ("A valid token is needed", "需要有效的令牌")


class TokenMissing(DomainError):
    """No bearer token was sent."""

    kind, code = Kind.UNAUTHENTICATED, "token_missing"
    title = _TITLE
    en = "Send a token in the header `Authorization: Bearer …`."
    zh = "请在 Authorization 请求头中发送 Bearer 令牌。"


class TokenInvalid(DomainError):
    """The token was not issued for this installation, or was changed."""

    kind, code = Kind.UNAUTHENTICATED, "token_invalid"
    title = _TITLE
    en = "The token is not valid: it was not issued here, or it was changed. Get a new one."
    zh = "令牌无效：不是由本系统签发，或已被修改。请重新获取。"


class TokenExpired(DomainError):
    """The token's time is over, or has not begun."""

    kind, code = Kind.UNAUTHENTICATED, "token_expired"
    title = _TITLE
    en = "The token's time is over, or has not begun. Get a new one."
    zh = "令牌已过期或尚未生效，请重新获取。"


class TokenAudience(DomainError):
    """The token was issued for something else."""

    kind, code = Kind.UNAUTHENTICATED, "token_audience"
    title = _TITLE
    en = "The token was issued for another audience. Get one for the storefront, a partner or an operator."
    zh = "令牌的受众不符，请获取面向店面、合作伙伴或运营人员的令牌。"


class KeysUnavailable(DomainError):
    """The keys that tokens are verified with cannot be read at the moment."""

    kind, code = Kind.UNAVAILABLE, "token_keys_unavailable"
    title = ("Tokens cannot be verified", "暂时无法验证令牌")
    en = "The keys that verify tokens cannot be read at the moment. Try again shortly."
    zh = "暂时无法读取验证令牌的密钥，请稍后重试。"


REASONS: tuple[type[DomainError], ...] = (TokenMissing, TokenInvalid, TokenExpired, TokenAudience)
