# Names: what may be renamed, and renaming it.
SYNONYMS = {
    "find": "locate", "get": "obtain", "count": "tally", "is": "check", "check": "test", "has": "holds", "sum": "total", "max": "largest", "maximum": "largest",
    "min": "smallest", "minimum": "smallest", "remove": "drop", "delete": "drop", "sort": "order", "list": "sequence", "lists": "sequences", "string": "text",
    "strings": "texts", "number": "num", "numbers": "nums", "words": "terms", "word": "term", "convert": "turn", "calculate": "compute", "filter": "select",
    "replace": "swap", "merge": "join", "split": "divide", "index": "position", "array": "row", "product": "prod", "difference": "diff", "common": "shared",
    "smallest": "least", "largest": "greatest", "tuple": "record", "tuples": "records", "dict": "mapping", "same": "equal", "all": "every", "area": "surface",
}
SUFFIXES = ["result", "answer", "outcome", "solved"]
ARGUMENTS = ["item", "other", "extra", "fourth", "fifth", "sixth"]
LOCALS = ["here", "kept", "step", "left", "piece", "gathered", "spot", "mark", "trail", "round_", "note", "bit", "held", "side", "turn", "rest"]


def names_of(source):
    """What may be renamed, as {name: "function" | "argument" | "local"}, and every identifier there is.
    A name is one thing wherever it stands in the program, so it is renamed everywhere or nowhere."""
    found, fixed, every = {}, set(dir(builtins)) | set(keyword.kwlist), set(keyword.kwlist) | set(dir(builtins))
    for kind, text, _ in source.tokens():
        if kind == tokenize.NAME:
            every.add(text)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            fixed.add(node.name)
            for inner in node.body:
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    fixed.add(inner.name)
                elif isinstance(inner, (ast.Assign, ast.AnnAssign)):
                    fixed.update(n.id for n in ast.walk(inner) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            fixed.update((a.asname or a.name).split(".")[0] for a in node.names)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            fixed.update(node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            fixed.add(node.name)
        elif isinstance(node, ast.JoinedStr):
            fixed.update(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
        elif type(node).__name__.startswith("Match"):
            fixed.update(v for v in (getattr(node, "name", None), getattr(node, "rest", None)) if v)
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found[node.name] = "function"
        elif isinstance(node, ast.arg):
            found.setdefault(node.arg, "argument")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.id, "local")
    if any(isinstance(n, ast.Name) and n.id in ("eval", "exec", "locals", "globals", "vars", "dir") for n in ast.walk(source.tree)):
        fixed.update(name for name, kind in found.items() if kind != "function")
    return {name: kind for name, kind in found.items() if name not in fixed and not name.startswith("__") and name != "_"}, every


def fresh(wanted, taken):
    while wanted in taken:
        wanted += "_"
    taken.add(wanted)
    return wanted


def function_name(name, seed):
    words = [w for w in re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_") if w]
    other = [SYNONYMS.get(w, w) for w in words]
    return "_".join(other if other != words else words + [SUFFIXES[draw(seed, "suffix:" + name, len(SUFFIXES))]])


def rename(source, seed, keep, prose, also_taken=frozenset()):
    """Edits every name; returns {old: new}. A function that is shown says something by the names of its arguments: they keep their words, so that
    nothing is lost and the prose stays true. Where all of the code is shown, names are as good as any."""
    found, taken = names_of(source)
    taken |= set(re.findall(r"\w+", prose)) | also_taken
    new, arguments, locals_ = {}, 0, draw(seed, "locals", len(LOCALS))
    shown = set() if keep else {a.arg for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef) for a in n.args.posonlyargs + n.args.args + n.args.kwonlyargs}
    for name, kind in found.items():
        if name in keep:
            continue
        if kind == "function":
            new[name] = fresh(function_name(name, seed), taken)
        elif kind == "argument" and name in shown:
            new[name] = fresh("given_" + name.lower(), taken)
        elif kind == "argument":
            new[name] = fresh(ARGUMENTS[arguments % len(ARGUMENTS)], taken)
            arguments += 1
        else:
            new[name] = fresh(LOCALS[locals_ % len(LOCALS)], taken)
            locals_ += 1
    own = {n.name for n in ast.walk(source.tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    defined = [(source.at(n.lineno, n.col_offset), n.name) for n in ast.walk(source.tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    tokens = [(text, at) for kind, text, at in source.tokens() if kind == tokenize.NAME]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id in new:
            start, end = source.span(node)
            source.edit(start, end, new[node.id])
        elif isinstance(node, ast.arg) and node.arg in new:
            start = source.at(node.lineno, node.col_offset)
            source.edit(start, start + len(node.arg), new[node.arg])
        elif isinstance(node, ast.Call):
            for one in node.keywords:
                if one.arg in new and isinstance(node.func, ast.Name) and node.func.id in own:
                    start = source.at(one.lineno, one.col_offset)
                    source.edit(start, start + len(one.arg), new[one.arg])
    for at, name in defined:
        if name in new:
            place = next(a for text, a in tokens if a > at and text == name)
            source.edit(place, place + len(name), new[name])
    return new
