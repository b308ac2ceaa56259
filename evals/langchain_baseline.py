"""The retrieval half as a LangChain beginner writes it, for comparison: splitter, HuggingFaceEmbeddings, FAISS."""

import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")  # the community package announces its retirement on import

from langchain_community.embeddings import HuggingFaceEmbeddings  # noqa: E402
from langchain_community.vectorstores import FAISS  # noqa: E402
from langchain_core.documents import Document  # noqa: E402

model, saved, question = sys.argv[1:]
embeddings = HuggingFaceEmbeddings(model_name=model)
if Path(saved).is_dir():  # warm: the index was saved by an earlier run
    store = FAISS.load_local(saved, embeddings, allow_dangerous_deserialization=True)
else:
    guide = Path(__file__).parent.parent / "corpora" / "guide"
    sections = [part for file in guide.glob("*.md") for part in file.read_text(encoding="utf-8").split("\n#")]
    store = FAISS.from_documents([Document(section) for section in sections], embeddings)
    store.save_local(saved)
print(store.similarity_search(question, k=3)[0].page_content)
