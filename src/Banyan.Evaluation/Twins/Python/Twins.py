# Twins of functions and of expressions; the entry.

def function_twin(item):
    seed, entry, code_start = item["id"], item["entry"], len(item["prompt"])
    source = Source(item["prompt"] + item["code"])
    solution = module(source.text)
    if solution is None or not hasattr(solution, entry):
        return None
    inputs = []
    for text in item["inputs"]:
        arguments, error = limited(lambda: eval(text, {"inf": float("inf"), "nan": float("nan"), "complex": complex, "set": set}))
        if error is None:
            inputs.append(list(arguments))
    examples, prose, changes = [], [], []
    for _, start, end in docstrings(source):
        if "\\" in source.text[start:end]:
            prose.append((start, end))
        else:
            some, lines = read(source, start, end, entry, solution)
            examples, prose = examples + some, prose + lines

    told = "".join(source.text[a:b] for a, b in prose)
    explains = re.search(r"\bexplanation\b|\bbecause\b|\bsince\b|\bexplained\b|\bas there\b", told, re.I)
    count = 0 if explains else other_examples(source, examples, inputs, solution, entry, seed)
    if count:
        changes.append("%d of %d examples" % (count, len(examples)))

    outside = [n.name for n in source.tree.body if isinstance(n, ast.FunctionDef)]
    others = [Source(item["prompt"] + body) for body in item["wrong"]]
    new = rename(source, seed, set(), told, {text for other in others for kind, text, _ in other.tokens() if kind == tokenize.NAME})
    # Where a docstring speaks of a function as a function, it is called by its new name.
    for name in outside:
        if name not in new:
            continue
        for _, start, end in docstrings(source):
            for match in re.finditer(r"(?<![\w.])" + re.escape(name) + r"(?!\w)", source.text[start:end]):
                a, b = start + match.start(), start + match.end()
                if any(x < b and a < y for x, y, _ in source.edits):
                    continue
                before, after = source.text[start:a], source.text[b:end]
                if "_" in name or after.startswith("(") or before[-1:] in ("`", "'", '"') or re.search(r"\b(function|called|named|method)\s+$", before):
                    source.edit(a, b, new[name])
    changes.insert(0, "names")
    text = source.edited()
    made = module(text)
    if made is None or any(same(before, call(getattr(solution, entry), arguments)[0]) and not same(before, call(getattr(made, new.get(entry, entry)), arguments)[0])
                           for arguments in inputs[:12] for before in [call(getattr(solution, entry), arguments)[0]]):
        return None
    split = source.moved(code_start)
    wrong = wrong_solution(text, new.get(entry, entry), inputs[:item["tests"]], seed)
    return {"id": item["id"], "entry": new.get(entry, entry), "prompt": text[:split], "code": text[split:], "wrong": [wrong] if wrong else [],
            "bodies": [body_of(other, code_start, new) for other in others], "prose": [[source.moved(a), source.moved(b)] for a, b in prose], "changes": changes}


def body_of(other, code_start, new):
    """A wrong solution of the item's own, in the twin's names."""
    tokens = [(text, at) for kind, text, at in other.tokens() if kind == tokenize.NAME]
    for node in ast.walk(other.tree):
        if isinstance(node, ast.Name) and node.id in new:
            other.edit(*other.span(node), new[node.id])
        elif isinstance(node, ast.arg) and node.arg in new:
            start = other.at(node.lineno, node.col_offset)
            other.edit(start, start + len(node.arg), new[node.arg])
        elif isinstance(node, ast.FunctionDef) and node.name in new:
            place = next(a for text, a in tokens if a > other.at(node.lineno, node.col_offset) and text == node.name)
            other.edit(place, place + len(node.name), new[node.name])
    return other.edited()[other.moved(code_start):]


def expression_twin(item):
    """A function f and its input: other names in the function, other constants in the input, and what the function returns for it."""
    seed = item["id"]
    source = Source(item["code"])
    solution = module(source.text)
    if solution is None or not hasattr(solution, "f"):
        return None
    fixed = set("".join(n.value for n in ast.walk(source.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)))
    old, error = limited(lambda: eval("f(%s)" % item["input"], dict(solution.__dict__)))
    if error:
        return None
    for attempt in range(ATTEMPTS):
        given = Source("f(%s)" % item["input"])
        other_constants(given, fixed, "%s:%d" % (seed, attempt), reshape=attempt >= ATTEMPTS // 2)
        text = given.edited()[2:-1]
        if text == item["input"]:
            continue
        value, error = limited(lambda: eval("f(%s)" % text, dict(solution.__dict__)))
        shown = repr(value)
        if error or not literal(shown)[0] and shown != "set()" or type(value) is not type(old) or same(value, old):
            continue
        if bool(value) != bool(old) and not isinstance(value, bool) or not len(repr(old)) / 2 <= len(shown) <= len(repr(old)) * 2 + 2:
            continue
        new = rename(source, seed, {"f"} | {k.arg for k in ast.walk(given.tree) if isinstance(k, ast.keyword)}, "")
        return {"id": seed, "code": source.edited(), "input": text, "output": shown, "old": repr(old), "changes": (["names"] if new else []) + ["input"]}
    return None


def other_constants(given, fixed, seed, reshape):
    """Other letters, digits and numbers, those of the function's own strings left as they are; with reshape also one string or list that is longer or shorter."""
    free = [c for c in "abcdefghijklmnopqrstuvwxyz" if c not in fixed and c.upper() not in fixed]
    digits = [c for c in "123456789" if c not in fixed]
    swap = {}
    for among, purpose in ((free, "letters"), (digits, "digits")):
        turn = 1 + draw(seed, purpose, max(1, len(among) - 1))
        swap.update({c: among[(i + turn) % len(among)] for i, c in enumerate(among)})
    shapes = [n for n in ast.walk(given.tree) if isinstance(n, (ast.List, ast.Tuple)) and n.elts or isinstance(n, ast.Constant) and isinstance(n.value, str)]
    shape = shapes[draw(seed, "shape", len(shapes))] if reshape and shapes else None
    if isinstance(shape, (ast.List, ast.Tuple)):
        again = shape.elts[draw(seed, "element", len(shape.elts))]
        start, end = given.span(again)
        given.edit(start, start, given.text[start:end] + ", ")
        return
    for node in ast.walk(given.tree):
        if not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str):
            text = "".join(swap.get(c.lower(), c).upper() if c.isupper() else swap.get(c, c) for c in node.value)
            if node is shape and text:
                at = draw(seed, "character", len(text))
                text = text[:at] + text[at + 1:] if len(text) > 2 and draw(seed, "shorter", 2) else text[:at] + text[at] + text[at:]
            if text != node.value:
                given.edit(*given.span(node), repr(text))
        elif type(node.value) is int and node.value > 1:
            given.edit(*given.span(node), str(node.value + 1 + draw("%s:%d" % (seed, node.value), "integer", 3)))
        elif type(node.value) is float:
            given.edit(*given.span(node), repr(node.value + 1 + draw("%s:%r" % (seed, node.value), "float", 3)))


def main():
    sys.set_int_max_str_digits(0)
    job = ast.literal_eval(sys.stdin.buffer.read().decode())
    out = sys.stdout
    sys.stdout = sys.stderr = io.StringIO()  # what solutions print is nobody's
    make = function_twin if job["kind"] == "function" else expression_twin
    for item in job["items"]:
        try:
            made = make(item)
        except (SyntaxError, ValueError, RecursionError, TypeError):
            made = None
        out.write(ascii(made or {"id": item["id"]}) + "\n")
        out.flush()


main()
