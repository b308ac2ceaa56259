"""Everything that kstore can refuse, as one tree; callers choose the level they care about.

    KStoreError
    ├── InputError            the request cannot be right: bad name, bad k, unreadable file
    │   ├── RevisionError     a revision that this store has never reached
    │   └── TooLargeError     a document longer than this store accepts
    ├── NotFoundError         no document of that name at that revision
    ├── ConflictError         the document changed since the caller last read it
    └── UnavailableError      something the answer needs cannot be had
        ├── ModelError        a model is missing, incomplete, unsafe or does not load
        └── StoreError        the SQLite file cannot be opened, read or written

Errors of the libraries underneath are translated where they occur (``vectors/store.py`` for SQLite,
``encoding`` and ``weights`` for models, ``text/sources.py`` for files and git), and each edge maps this
tree once: ``exit_code`` on the command line, ``status`` over HTTP.
"""


class KStoreError(Exception):
    """Root of the tree. ``str(error)`` is one line that a user can act on."""

    code = "internal"
    exit_code = 1
    status = 500


class InputError(KStoreError):
    """The request cannot be right, whatever the store holds."""

    code = "bad_input"
    exit_code = 2
    status = 422


class RevisionError(InputError):
    """A revision that does not exist in this store."""

    code = "bad_revision"


class TooLargeError(InputError):
    """A document longer than ``KSTORE_MAX_DOCUMENT_BYTES``."""

    code = "too_large"
    status = 413


class NotFoundError(KStoreError):
    """No such document at the revision asked for."""

    code = "not_found"
    exit_code = 3
    status = 404


class ConflictError(KStoreError):
    """The document is no longer what the caller believed it to be; nothing was changed."""

    code = "conflict"
    status = 412


class UnavailableError(KStoreError):
    """Something that the answer needs cannot be had now."""

    code = "unavailable"
    exit_code = 4
    status = 503


class ModelError(UnavailableError):
    """A model is missing, incomplete, unsafe to load, or fails to run."""

    code = "model_unavailable"


class StoreError(UnavailableError):
    """The store's SQLite file cannot be opened, read or written."""

    code = "store_unavailable"


def first_line(error: Exception) -> str:
    """What a library's error says, in one line: its first, or its name where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]  # some servers answer with a page
