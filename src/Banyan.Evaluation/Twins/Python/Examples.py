# Examples: calls in docstrings with what they return.

class Example:
    """A call in a docstring with what it returns: where both stand, and whether the line after it may speak of them."""

    def __init__(self, arguments, value, call_span, value_span, left):
        self.arguments, self.value, self.call_span, self.value_span, self.left, self.explained = arguments, value, call_span, value_span, left, False


def docstrings(source):
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Module, ast.FunctionDef)) and node.body and isinstance(node.body[0], ast.Expr) \
                and isinstance(node.body[0].value, ast.Constant) and isinstance(node.body[0].value.value, str):
            start, end = source.span(node.body[0].value)
            quote = re.match(r"[rRuU]?('''|\"\"\"|'|\")", source.text[start:end])
            yield node, start + quote.end(), end - len(quote.group(1))


def call_in(text, entry):
    """The first call of entry in a line, as (start, end) with its brackets; None without one."""
    match = re.search(r"(?<![\w.])" + re.escape(entry) + r"\(", text)
    if not match:
        return None
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text[match.start():]).readline):
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
                if depth == 0 and token.string == ")":
                    return (match.start(), match.start() + token.end[1]) if token.end[0] == 1 else None
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass
    return None


def arguments_of(text):
    try:
        node = ast.parse(text, mode="eval").body
        return None if node.keywords else [ast.literal_eval(a) for a in node.args]
    except Exception:
        return None


SIGNS = re.compile(r"\s*(==+>?|=>|➞|-+>|→|=|returns?|should return|# returns|#|:|is)\s*")


def read(source, start, end, entry, solution):
    """The examples of a docstring that the canonical solution confirms, and the spans of the lines that are prose."""
    examples, prose = [], []
    lines, at = [], start
    for line in source.text[start:end].splitlines(keepends=True):
        lines.append((at, line))
        at += len(line)
    i = 0
    while i < len(lines):
        at, line = lines[i]
        i += 1
        shown = line.rstrip("\n")
        place = call_in(shown, entry)
        if shown.strip().startswith(">>>"):
            first = i
            while i < len(lines) and lines[i][1].strip() and not lines[i][1].strip().startswith(">>>"):
                i += 1
            example = None
            if place and i == first + 1:
                value_at, value = lines[first]
                inner = value.strip()
                begins = value_at + value.index(inner) if inner else value_at
                whole = shown.strip()[3:].strip() == shown[place[0]:place[1]]
                example = confirmed(shown[place[0]:place[1]], inner, (at + place[0], at + place[1]), (begins, begins + len(inner)), None, solution, entry) if whole else None
            if example:
                examples.append(example)
        elif place and shown.strip().startswith("assert "):
            example = asserted(shown, at, place, entry, solution)
            if example:
                examples.append(example)
        elif place:
            sign = SIGNS.match(shown, place[1])
            tail = shown[sign.end():] if sign else ""
            inner = tail.rstrip().rstrip(".;,")
            example = confirmed(shown[place[0]:place[1]], inner, (at + place[0], at + place[1]), (at + sign.end(), at + sign.end() + len(inner)), None, solution, entry) if sign and inner else None
            if example:
                examples.append(example)
            else:
                prose.append((at, at + len(line)))
        elif shown.strip():
            prose.append((at, at + len(line)))
            if examples and re.search(r"[\d=\[('\"]", shown) and not re.search(r"\w", source.text[examples[-1].value_span[1]:at]):
                examples[-1].explained = True
    return examples, prose


def confirmed(called, value, call_span, value_span, left, solution, entry):
    arguments = arguments_of(called)
    known, expected = literal(value)
    if arguments is None or not known:
        return None
    found, error = call(getattr(solution, entry), arguments)
    return Example(arguments, expected, call_span, value_span, left) if error is None and same(found, expected) else None


def asserted(shown, at, place, entry, solution):
    """assert LEFT == LITERAL, where LEFT has the call."""
    indent = len(shown) - len(shown.lstrip())
    try:
        test = ast.parse(shown.strip()).body[0].test
        if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
            return None
        first, last = indent + test.left.col_offset, indent + test.left.end_col_offset
        left = shown[first:place[0]] + "%s" + shown[place[1]:last]
        value = (indent + test.comparators[0].col_offset, indent + test.comparators[0].end_col_offset)
        arguments = arguments_of(shown[place[0]:place[1]])
        if not shown.isascii() or place[1] > last or arguments is None or "%" in left.replace("%s", ""):
            return None
        found, error = limited(lambda: eval(shown[first:last], solution.__dict__))
        expected, wrong = limited(lambda: eval(shown[value[0]:value[1]], {}))
        if error or wrong or not same(found, expected):
            return None
        return Example(arguments, expected, (at + place[0], at + place[1]), (at + value[0], at + value[1]), left)
    except Exception:
        return None


def kind_of(value):
    return type(value).__name__ + (":" + kind_of(next(iter(value))) if isinstance(value, (list, tuple)) and value else "")


def signs(value):
    """Whether a number is above 0, or a list of them all are: what examples show is what is usual."""
    return value > 0 if type(value) in (int, float) else all(signs(v) for v in value) if isinstance(value, (list, tuple)) else True


def other_examples(source, examples, inputs, solution, entry, seed):
    """Other inputs of the item's own tests for the examples, with what the solution returns for them. An example that has no like stays."""
    used, changed = [e.arguments for e in examples], 0
    for number, example in enumerate(examples):
        if example.explained:
            continue
        likely = []
        for arguments in inputs:
            if len(arguments) != len(example.arguments) or any(kind_of(a).split(":")[0] != kind_of(b).split(":")[0] for a, b in zip(arguments, example.arguments)):
                continue
            if any(same(arguments, u) for u in used) or any(hasattr(a, "__len__") and len(a) == 0 for a in arguments):
                continue
            shown = ", ".join(repr(a) for a in arguments)
            if example.left is None:
                value, error = call(getattr(solution, entry), arguments)
            else:
                value, error = limited(lambda: eval(example.left % (entry + "(" + shown + ")"), dict(solution.__dict__)))
            text = repr(value)
            if error or type(value) is not type(example.value) or not literal(text)[0] and text != "set()" or len(shown) > MOST_SHOWN or len(text) > MOST_SHOWN:
                continue
            if "\\" in shown + text or '"""' in shown + text or "'''" in shown + text or not (shown + text).isascii():
                continue
            if re.search(r"\.\d{7}", shown + text) or any(signs(a) != signs(b) for a, b in zip(arguments, example.arguments)):
                continue
            if isinstance(value, bool) and value != example.value or bool(value) != bool(example.value):
                continue
            likely.append((same(value, example.value) and not isinstance(value, bool), abs(len(shown) - len(source.text[slice(*example.call_span)]) + len(entry) + 2), shown, text, arguments))
        likely.sort(key=lambda l: (l[0], l[1]))
        if not likely:
            continue
        _, _, shown, text, arguments = likely[draw(seed, "example:%d" % number, min(4, len(likely)))]
        used.append(arguments)
        source.edit(example.call_span[0] + len(entry) + 1, example.call_span[1] - 1, shown)
        source.edit(*example.value_span, text)
        changed += 1
    return changed
