"""The command line: resolve the settings, make one call, show what comes back."""

import json
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.commands import app as evaluation
from kstore import __version__, shapes
from kstore.assemble import open_kstore
from kstore.controls import PRESETS, SETTABLE, check_method, controls_for, read_controls
from kstore.display import Display
from kstore.encoding.prepare import load_encoder
from kstore.errors import InputError, KStoreError
from kstore.filters import read_filter
from kstore.service import BOTH, KStore
from kstore.settings import PACKAGED_ENCODER, load_settings

app = typer.Typer(
    help="Ask one question of two memories: a model's weights and a vector store over your documents.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(evaluation, name="eval")

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of the store (KSTORE_HOME).", metavar="DIR")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
AsOfOption = Annotated[int | None, typer.Option("--as-of", help="Ask the past: a revision of the store.", metavar="R")]
FilterOption = Annotated[
    list[str],
    typer.Option(
        "--filter",
        help="Find only in these: document=PATTERN, heading=TEXT, or KEY=VALUE of the front matter.",
        metavar="NAME=VALUE",
    ),
]
LearntOption = Annotated[
    str, typer.Option("--corpus", help="File, folder or git repository[@REV] to learn.", metavar="SOURCE")
]
QuestionsOption = Annotated[list[Path], typer.Option(help="Question files to learn from.", metavar="FILE")]
DevOption = Annotated[list[Path], typer.Option(help="Question files to calibrate on.", metavar="FILE")]
SeedOption = Annotated[int | None, typer.Option(help="Makes a run repeatable.")]
EmptyOption = Annotated[bool, typer.Option("--empty", help="Start a new store without the guide.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A document's name, such as notes/today.md.")]


class Invocation:
    """What the options before the command said, for the command."""

    def __init__(self, home: Path | None, debug: bool) -> None:
        self.home = home
        self.debug = debug
        self.display = Display()

    def store(self, home: Path | None, empty: bool = False) -> KStore:
        """The store of the options; one given after the command goes before one given ahead of it."""
        settings = load_settings(home=home or self.home)
        return open_kstore(settings, empty=empty, progress=self.display.progress)

    def show(self, shape: dict[str, Any], as_json: bool, text: str) -> None:
        """Print the JSON shape, or the line for people."""
        print(json.dumps(shape, ensure_ascii=False, indent=2) if as_json else text)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    home: HomeOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    context.obj = Invocation(home, debug)
    if version:
        print(f"kstore {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def ask(
    context: typer.Context,
    question: str,
    arm: Annotated[str, typer.Option(help="parametric, retrieval, adaptive or both.")] = BOTH,
    as_of: AsOfOption = None,
    k: Annotated[int | None, typer.Option(help="Passages to retrieve.", show_default="5")] = None,
    preset: Annotated[str | None, typer.Option(help=f"One of: {', '.join(PRESETS)}.", metavar="NAME")] = None,
    control: Annotated[
        list[str], typer.Option(help=f"Over the preset, any of: {', '.join(SETTABLE)}.", metavar="NAME=VALUE")
    ] = [],  # noqa: B006
    where: FilterOption = [],  # noqa: B006
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Ask a question of the weights, of the documents, or of both side by side."""
    invocation: Invocation = context.obj
    controls = controls_for(preset, k=k, as_of=as_of, where=read_filter(where), changes=read_controls(control))
    with invocation.store(home) as store:
        reply = store.ask(question, arm, controls)
    if as_json:
        invocation.show(shapes.reply_shape(reply), True, "")
    else:
        invocation.display.reply(reply)


@app.command()
def search(
    context: typer.Context,
    query: str,
    k: Annotated[int, typer.Option(help="How many passages.")] = 10,
    method: Annotated[str, typer.Option(help="dense, lexical or hybrid.")] = "hybrid",
    as_of: AsOfOption = None,
    where: FilterOption = [],  # noqa: B006
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Find the passages nearest to a query."""
    invocation: Invocation = context.obj
    with invocation.store(home) as store:
        evidence = store.search(query, k, check_method(method), as_of, where=read_filter(where))
    if as_json:
        invocation.show(shapes.evidence_shape(evidence), True, "")
    else:
        invocation.display.evidence(evidence)


@app.command()
def ingest(
    context: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="File, folder, git repository[@REV].")],
    prune: Annotated[bool, typer.Option("--prune", help="Delete what the source no longer has.")] = False,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Take in files, folders or git repositories, all in one revision."""
    invocation: Invocation = context.obj
    with invocation.store(home, empty) as store:
        receipt = shapes.receipt_shape(store.ingest(sources, prune))
    invocation.show(receipt, as_json, _receipt_line(receipt))


@app.command()
def put(
    context: typer.Context,
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that holds its text.")],
    empty: EmptyOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Add or change one document."""
    invocation: Invocation = context.obj
    with invocation.store(home, empty) as store:
        receipt = shapes.receipt_shape(store.put_file(name, file))
    invocation.show(receipt, as_json, _receipt_line(receipt))


@app.command()
def rm(context: typer.Context, name: NameArgument, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Delete one document; the past keeps it."""
    invocation: Invocation = context.obj
    with invocation.store(home) as store:
        receipt = shapes.receipt_shape(store.delete(name))
    invocation.show(receipt, as_json, _receipt_line(receipt))


@app.command()
def ls(context: typer.Context, as_of: AsOfOption = None, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """List the documents."""
    invocation: Invocation = context.obj
    with invocation.store(home) as store:
        shape = shapes.documents_shape(*store.documents(as_of))
    if as_json:
        invocation.show(shape, True, "")
    else:
        invocation.display.documents(shape)


@app.command()
def show(
    context: typer.Context,
    name: NameArgument,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Print a document exactly as it is, or was."""
    invocation: Invocation = context.obj
    with invocation.store(home) as store:
        document = store.show(name, as_of)
    if as_json:
        invocation.show(shapes.document_shape(document), True, "")
    else:
        sys.stdout.buffer.write(document.text.encode())


@app.command()
def history(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A document; without one, the corpus.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Tell what happened to a document, or to the corpus, oldest first."""
    invocation: Invocation = context.obj
    with invocation.store(home) as store:
        shape = shapes.history_shape(name, store.history(name))
    if as_json:
        invocation.show(shape, True, "")
    else:
        invocation.display.history(shape)


@app.command()
def status(context: typer.Context, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Describe the store: its revision, its size, what it was made with."""
    invocation: Invocation = context.obj
    with invocation.store(home) as store:
        shape = store.status()
    if as_json:
        invocation.show(shape, True, "")
    else:
        invocation.display.status(shape)


@app.command()
def train(
    context: typer.Context,
    corpus: LearntOption,
    out: Annotated[Path, typer.Option(help="Folder for the model.", metavar="DIR")],
    questions: QuestionsOption = [],  # noqa: B006
    dev: DevOption = [],  # noqa: B006
    epochs: Annotated[int | None, typer.Option(help="Passes over the examples.", min=1)] = None,
    seed: SeedOption = None,
    base: Annotated[
        str | None, typer.Option(help="Teach this model, a folder or hub name, instead of a new one.", metavar="MODEL")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="How the base is taught: lora, merged into it, or lora-adapter, beside it.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Take up the training in DIR that was killed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model on a corpus: its questions where there are some, and its own definitions."""
    from kstore.train import LORA, LORA_ADAPTER, train_model

    if (method is not None and base is None) or method not in {None, LORA, LORA_ADAPTER}:
        raise InputError(f"--method is {LORA} or {LORA_ADAPTER}, and wants a --base")

    invocation: Invocation = context.obj
    settings = load_settings()
    encoder = load_encoder(PACKAGED_ENCODER, settings.cache, settings.threads)
    bytes_allowed = settings.max_document_bytes
    report = invocation.display.training
    record = train_model(
        corpus,
        questions,
        dev,
        encoder,
        out,
        bytes_allowed,
        epochs,
        seed,
        report,
        base=base,
        merged=method != LORA_ADAPTER,
        resume=resume,
    )
    invocation.show(record, as_json, f"{out}: {record['examples']} examples, dev {record.get('dev', 'not asked')}")


@app.command("train-retrieval")
def train_retrieval_models(
    context: typer.Context,
    corpus: LearntOption,
    out: Annotated[Path, typer.Option(help="Folder for lessons, models and records.", metavar="DIR")],
    questions: QuestionsOption = [],  # noqa: B006
    dev: DevOption = [],  # noqa: B006
    squad: Annotated[list[Path], typer.Option(help="SQuAD files to learn from as well.", metavar="FILE")] = [],  # noqa: B006
    only: Annotated[list[str], typer.Option(help="lessons, reader, tokens or calibration.", metavar="PART")] = [],  # noqa: B006
    onward: Annotated[bool, typer.Option("--onward", help="Begin with the shipped weights.")] = False,
    epochs: Annotated[int | None, typer.Option(help="Passes over the lessons.", min=1)] = None,
    steps: Annotated[int | None, typer.Option(help="Steps at most, for each model.", min=1)] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes of training at most, for each model.")] = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the models that retrieval finds and reads with: token vectors and the reader."""
    from kstore.train import PARTS, train_retrieval

    invocation: Invocation = context.obj
    settings = load_settings()
    encoder = load_encoder(PACKAGED_ENCODER, settings.cache, settings.threads)
    chosen = {"epochs": epochs, "steps": steps, "minutes": minutes, "seed": seed}
    recipe = {name: value for name, value in chosen.items() if value is not None}
    told = train_retrieval(
        corpus,
        questions,
        dev,
        squad,
        encoder,
        out,
        settings.max_document_bytes,
        only or PARTS,
        recipe,
        onward,
        lambda model, epoch, epochs, loss: invocation.display.training(epoch, epochs, loss, model),
        invocation.display.progress,
    )
    invocation.show(told, as_json, "\n".join(f"{out}: {part}: {it}" for part, it in told.items()))


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8080,
    home: HomeOption = None,
) -> None:
    """Serve the HTTP API until interrupted."""
    import uvicorn

    from api.app import create_app

    invocation: Invocation = context.obj
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what uvicorn hands on to when it has shut down
    with invocation.store(home) as store:
        uvicorn.run(create_app(store), host=host, port=port)


def main() -> None:
    """Run the command line; every error is one line on standard error and a documented exit code."""
    debug = "--debug" in sys.argv[1:]
    try:
        code = app(standalone_mode=False) or 0
    except KStoreError as error:
        code = _complain(str(error), error.exit_code, debug)
    except typer.TyperException as error:
        code = _complain(error.format_message(), error.exit_code, debug)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except Exception as error:  # noqa: BLE001 - the last resort of a program that people use
        code = _complain(f"{type(error).__name__}: {error} (--debug shows where)", 1, debug)
    sys.exit(code)


def _complain(reason: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print("kstore: " + " ".join(reason.split()), file=sys.stderr)
    return code


def _receipt_line(receipt: dict[str, int]) -> str:
    changes = ", ".join(f"{receipt[what]} {what}" for what in ("added", "changed", "unchanged", "deleted"))
    return f"revision {receipt['revision']}: {changes}; {receipt['encoded']} passages encoded"
