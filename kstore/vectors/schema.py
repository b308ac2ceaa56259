"""The SQLite schema: the truth that every index is derived from.

Rows are only ever added, except that ``died`` is set once; so a reader that looks at revision ``r`` through
``born <= r AND died > r`` sees the same rows for ever, whatever is written meanwhile.
"""

VERSION = 3
ALIVE = 2**63 - 1  # ``died`` of what has not died

_TOKEN_VECTORS = """
CREATE TABLE token_vectors (         -- for late interaction; made anew by another model
    text      INTEGER PRIMARY KEY REFERENCES texts,
    model     TEXT NOT NULL,         -- fingerprint
    vectors   BLOB NOT NULL          -- int8, one row for each token
) STRICT;
"""

_ABBREVIATIONS = """
CREATE TABLE abbreviations (         -- that a text explains, folded, see vectors/abbreviations.py
    text      INTEGER NOT NULL REFERENCES texts,
    short     TEXT NOT NULL,
    long      TEXT NOT NULL,
    PRIMARY KEY (text, short, long)
) STRICT, WITHOUT ROWID;
CREATE INDEX abbreviations_short ON abbreviations (short);
CREATE INDEX abbreviations_long ON abbreviations (long);
"""

_METADATA = f"""
CREATE TABLE metadata (              -- of documents, while they have it: each key and value of the front matter
    id        INTEGER PRIMARY KEY,
    document  TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     TEXT NOT NULL,
    born      INTEGER NOT NULL,
    died      INTEGER NOT NULL DEFAULT {ALIVE}
) STRICT;
CREATE INDEX metadata_key ON metadata (key, value);
CREATE INDEX metadata_document ON metadata (document, died);
"""

# What the texts explain, by the function ``explained`` that every connection has; to be followed by a condition.
EXPLAIN = (
    "INSERT OR IGNORE INTO abbreviations"
    " SELECT t.id, json_extract(pair.value, '$[0]'), json_extract(pair.value, '$[1]')"
    " FROM texts t, json_each(explained(t.headings, t.plain)) pair"
)

SCHEMA = f"""
CREATE TABLE revisions (             -- one row for each committed change, and row 0 for the empty corpus
    revision  INTEGER PRIMARY KEY,
    at        TEXT NOT NULL,         -- UTC, ISO 8601
    digest    TEXT NOT NULL,         -- of the whole corpus, see types.corpus_digest
    encoder   TEXT NOT NULL,         -- fingerprint of the vectors in force from here on; '' before the first
    encoder_name TEXT NOT NULL,
    splitter  TEXT NOT NULL,
    last_text INTEGER NOT NULL,      -- highest id in texts
    note      TEXT NOT NULL,
    token     TEXT NOT NULL DEFAULT (lower(hex(randomblob(16))))  -- of this revision in this store, and no other
) STRICT;
CREATE INDEX revisions_digest ON revisions (digest);

CREATE TABLE documents (             -- versions of named documents
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,
    digest    TEXT NOT NULL,
    text      TEXT NOT NULL,
    source    TEXT NOT NULL,         -- the folder, file or repository it was ingested from; '' when put
    born      INTEGER NOT NULL,
    died      INTEGER NOT NULL DEFAULT {ALIVE}
) STRICT;
CREATE UNIQUE INDEX documents_alive ON documents (name) WHERE died = {ALIVE};
CREATE INDEX documents_name ON documents (name, born);

CREATE TABLE texts (                 -- what the encoder and the lexical index read, each distinct text once
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    key       TEXT NOT NULL UNIQUE,  -- types.Passage.key
    headings  TEXT NOT NULL,         -- JSON array
    plain     TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE lexical USING fts5(
    headings, plain, content='texts', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);

CREATE TABLE vectors (
    encoder   TEXT NOT NULL,         -- fingerprint
    text      INTEGER NOT NULL REFERENCES texts,
    vector    BLOB NOT NULL,         -- float32, little-endian, unit length
    PRIMARY KEY (encoder, text)
) STRICT, WITHOUT ROWID;

{_TOKEN_VECTORS}{_ABBREVIATIONS}{_METADATA}
CREATE TABLE passages (              -- where a text stands: a span of a named document, while it stands there
    id        INTEGER PRIMARY KEY,
    document  TEXT NOT NULL,
    text      INTEGER NOT NULL REFERENCES texts,
    start     INTEGER NOT NULL,
    end       INTEGER NOT NULL,
    line_start INTEGER NOT NULL,
    line_end  INTEGER NOT NULL,
    born      INTEGER NOT NULL,
    died      INTEGER NOT NULL DEFAULT {ALIVE}
) STRICT;
CREATE INDEX passages_text ON passages (text, born, died);
CREATE INDEX passages_document ON passages (document, died);
CREATE INDEX passages_born ON passages (born);
CREATE INDEX passages_died ON passages (died);

CREATE TABLE settled (               -- facts about this store that are decided once
    fact      TEXT PRIMARY KEY,
    value     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO revisions (revision, at, digest, encoder, encoder_name, splitter, last_text, note)
VALUES (0, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), '{0:064x}', '', '', '', 0, 'empty');
"""

# What brings a store from that format to the next.
MIGRATIONS = {1: _TOKEN_VECTORS, 2: f"{_ABBREVIATIONS}{EXPLAIN};{_METADATA}"}
