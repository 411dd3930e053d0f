"""Rate limits that no test meets by accident. They are counted all the same. A test that is about them sets small ones."""

from shared.http.rates import RULES
from shared.limits import QUOTA_MAX
from shared.settings import PREFIX

FAR_RATES = {f"{PREFIX}{rule.setting}".upper(): str(QUOTA_MAX) for rule in RULES}
"""The variables of the environment that set them."""
