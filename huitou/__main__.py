"""The `huitou` command. Each of its commands has a file of its own and is registered here."""

import errno
import inspect
import io
import sys
from importlib import metadata
from typing import Annotated

import typer
from pydantic import ValidationError

from huitou import speech
from huitou.commands import (
    accept_loss,
    api_keys,
    backup,
    dead_letters,
    demo,
    fit,
    imports,
    kafka_acls,
    migrate,
    reference,
    replay,
    secrets,
    status,
    token,
    up,
    verify,
)
from huitou.exits import Exit, Refused
from huitou.speech import said, spoken
from shared.auth.errors import SigningKeyBroken
from shared.bus.protocol import BusUnavailable
from shared.errors import first_of
from shared.http.language import Language
from shared.run import terminal_help
from shared.settings import BadSetting, in_words

app = typer.Typer(
    name="huitou",
    cls=terminal_help.Group,
    help="Customer loyalty for shops: profiles, points, complaints and scores that talk through events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(wanted: bool) -> None:
    """Print the version and stop, before any command is looked for."""
    if wanted:
        try:
            typer.echo(metadata.version("huitou"))
        except metadata.PackageNotFoundError:
            typer.echo(said("version_unknown"))
        raise typer.Exit


def _choose_language(language: Language | None) -> Language | None:
    """Speak a language before anything is said, also before a help."""
    speech.choose(language)
    return language


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and stop."),
    ] = False,
    language: Annotated[
        Language | None,
        typer.Option(
            is_eager=True,
            callback=_choose_language,
            help="Of sentences and errors: en or zh; default by LANG.",
        ),
    ] = None,
) -> None:
    del version, language


importing = typer.Typer(
    cls=terminal_help.Group, help="Bring in what happened elsewhere.", no_args_is_help=True
)
app.command("up")(up.up)
app.command("token")(token.token)
app.add_typer(api_keys.app, name="api-key")
app.add_typer(importing, name="import")
importing.command("purchases")(imports.import_purchases)
importing.command("returns")(imports.import_returns)
app.command("fit")(fit.fit)
app.command("status")(status.status)
app.command("verify")(verify.verify)
app.add_typer(dead_letters.app, name="dead-letters")
app.command("accept-loss")(accept_loss.accept_loss)
app.command("backup")(backup.backup)
app.command("demo")(demo.load_demo)
app.command("replay")(replay.replay)
app.command("migrate")(migrate.migrate)
app.command("kafka-acls")(kafka_acls.kafka_acls)
app.command("secrets")(secrets.make_secrets)
app.command("reference", hidden=True)(reference.write_reference)


def _flow_help(*typers: typer.Typer) -> None:
    """Join the lines of each paragraph of a command's help, which the terminal breaks again at its own width."""
    for command in (command for group in typers for command in group.registered_commands):
        paragraphs = (inspect.getdoc(command.callback) or "").split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


_flow_help(app, importing, api_keys.app, dead_letters.app)
terminal_help.speak(speech.WORDS / "help.toml", app, importing, api_keys.app, dead_letters.app)


def main() -> int:
    """Run one command, and return its exit code. A refusal is one sentence on standard error, never a trace."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files may be no text, and terminals may show no Chinese.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except Refused as refused:
        return _refuse(refused)
    except ValidationError as error:
        return _refuse(Refused(Exit.BAD_SETTING, spoken(in_words(error))))
    except (BadSetting, SigningKeyBroken) as error:
        return _refuse(Refused(Exit.BAD_SETTING, spoken(error)))
    except ExceptionGroup as group:
        return _refuse(_only_refusal(group))
    except Exception as error:
        refusal = _full_disk() if _is_full_disk(error) else _refusal_of(error)
        if refusal is None:
            raise
        return _refuse(refusal)
    return Exit.DONE


def _only_refusal(group: ExceptionGroup[Exception]) -> Refused:
    """Return the refusal that ended a running product. Raise any other error that ended it, because it is a bug."""
    refused = group.subgroup(Refused)
    if refused is not None:
        leaf = first_of(refused)
        assert isinstance(leaf, Refused)
        return leaf
    if group.subgroup(_is_full_disk) is not None:
        return _full_disk()
    for kind in (OSError, BusUnavailable):
        part = group.subgroup(kind)
        refusal = None if part is None else _refusal_of(first_of(part))
        if refusal is not None:
            return refusal
    raise group


def _refusal_of(error: BaseException) -> Refused | None:
    """Return the refusal for an error of the machine, which is no bug: a file, the number of open files, the event log."""
    if isinstance(error, BusUnavailable):
        return Refused(
            Exit.FAILED, said("as_a_sentence", words=spoken(error)[:1].upper() + spoken(error)[1:])
        )
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return Refused(Exit.BAD_SETTING, said("too_many_open_files"))
    if isinstance(error, OSError) and error.filename is not None:
        return Refused(
            Exit.BAD_SETTING, said("file_cannot_be_used", file=error.filename, error=error.strerror)
        )
    return None


def _is_full_disk(error: BaseException) -> bool:
    from shared.db import failures  # loads SQLAlchemy, which most commands do without

    return failures.is_full_disk(error)


def _full_disk() -> Refused:
    return Refused(Exit.DISK_FULL, said("disk_full"))


def _refuse(refused: Refused) -> int:
    typer.echo(str(refused), err=True)
    return refused.code


if __name__ == "__main__":
    sys.exit(main())
