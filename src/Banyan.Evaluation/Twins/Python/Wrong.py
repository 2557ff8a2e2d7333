# Wrong solutions: one thing changed.

class Wrong(ast.NodeTransformer):
    """Changes one place: the one that is reached as number `place`."""
    FLIP = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
            ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.And: ast.Or, ast.Or: ast.And}

    def __init__(self, place):
        self.place, self.seen = place, 0

    def here(self):
        self.seen += 1
        return self.seen - 1 == self.place

    def visit_Compare(self, node):
        self.generic_visit(node)
        if type(node.ops[0]) in self.FLIP and self.here():
            node.ops[0] = self.FLIP[type(node.ops[0])]()
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if type(node.op) in self.FLIP and self.here():
            node.op = self.FLIP[type(node.op)]()
        return node

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        if self.here():
            node.op = self.FLIP[type(node.op)]()
        return node

    def visit_Constant(self, node):
        if type(node.value) is int and self.here():
            return ast.copy_location(ast.Constant(node.value + 1), node)
        return node


def wrong_solution(program, entry, inputs, seed):
    """The program with one thing changed so that it returns something else for one of the inputs; None where none was found."""
    right = module(program)
    if right is None or not hasattr(right, entry):
        return None
    counter = Wrong(-1)
    counter.visit(ast.parse(program))
    begin = draw(seed, "wrong", max(1, counter.seen))
    for offset in range(min(counter.seen, 12)):
        tree = ast.fix_missing_locations(Wrong((begin + offset) % counter.seen).visit(ast.parse(program)))
        text = ast.unparse(tree) + "\n"
        other = module(text)
        if other is None or not hasattr(other, entry):
            continue
        for arguments in inputs[:12]:
            (a, error), (b, fails) = call(getattr(right, entry), arguments), call(getattr(other, entry), arguments)
            if isinstance(fails, TooLong):
                break
            if error is None and (fails or not same(a, b) and not isinstance(b, float)):
                return text
    return None
