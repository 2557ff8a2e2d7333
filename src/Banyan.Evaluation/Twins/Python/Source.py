# Runs inside the sandbox: makes twins of problems. A twin asks the same in other names and with other constants: in the examples of a
# function's docstring, or in the input whose output is asked for. What they return is found by running the canonical solution. It decides
# nothing about an answer: whether a twin's solution passes and wrong ones fail is proven afterwards, as for any item.
# Source is read with Python's own parser and changed at the places it names, so that everything else stays as it was, to the character.
# These files are one program: Source, Names, Examples, Wrong, Twins, in this order.
# Input: one Python literal, {"kind": "function" | "expression", "items": [...]}. Output: a literal a line for each item.
import ast
import builtins
import copy
import io
import keyword
import re
import signal
import sys
import tokenize
import types
from _blake2 import blake2b

CALL_SECONDS = 1
ATTEMPTS = 24
MOST_SHOWN = 120  # characters of an example's arguments or result


class TooLong(BaseException):
    pass


def draw(seed, purpose, below):
    return int.from_bytes(blake2b(("%s:%s" % (seed, purpose)).encode(), digest_size=8).digest(), "big") % below


def limited(work):
    """The result of work(), or the exception it raised, as (value, error); it may take CALL_SECONDS."""
    def late(*_):
        raise TooLong()
    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, CALL_SECONDS)
    try:
        return work(), None
    except BaseException as error:
        return None, error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def module(source):
    made = types.ModuleType("solution")
    sys.modules["solution"] = made
    _, error = limited(lambda: exec(compile(source, "<solution>", "exec"), made.__dict__))
    return None if error else made


def call(function, arguments):
    return limited(lambda: function(*copy.deepcopy(arguments)))


def same(a, b):
    try:
        return type(a) is type(b) and (a == b or (a != a and b != b)) is True
    except Exception:
        return False


def literal(text):
    try:
        return True, ast.literal_eval(text.strip())
    except Exception:
        return False, None


class Source:
    """A program with the places of its names, and edits to it."""

    def __init__(self, text):
        self.text, self.tree, self.edits = text, ast.parse(text), []
        self.lines = text.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def at(self, line, column):
        """A place as the parser says it (columns are of UTF-8) as an index into the text."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode()) if line <= len(self.lines) else len(self.text)

    def span(self, node):
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def tokens(self):
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            yield token.type, token.string, self.starts[token.start[0] - 1] + token.start[1]

    def edit(self, start, end, text):
        self.edits.append((start, end, text))

    def moved(self, place):
        return place + sum(len(text) - (end - start) for start, end, text in self.edits if end <= place)

    def edited(self):
        made, at = [], 0
        for start, end, text in sorted(self.edits):
            made += [self.text[at:start], text]
            at = end
        return "".join(made) + self.text[at:]
