"""A text of five sentences in the files of the Penn Treebank."""

SENTENCES = ["the cat sat on the mat", "a <unk> saw the cat", "the mat was red", "a cat sat", "the dog was N years old"]


def write(folder, sentences=SENTENCES):
    folder.mkdir(exist_ok=True)
    for name, repeats in (("train", 5), ("valid", 2), ("test", 1)):
        (folder / f"ptb.{name}.txt").write_text("".join(f" {s} \n" for s in sentences * repeats))
