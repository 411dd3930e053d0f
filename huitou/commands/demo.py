"""`huitou demo`: the demo shop into a product that runs already."""

from huitou import home
from huitou.demo import loading
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said


def load_demo() -> None:
    """Load the demo shop into the running product; what is there already stays as it is."""
    settings = Settings()
    known = home.begun(settings.home)
    if known.demo_last_day is None:
        raise Refused(Exit.USAGE, said("was_no_demo", folder=settings.home))
    loading.load(settings, known.demo_last_day, stopping=lambda: False)
