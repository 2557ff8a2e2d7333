using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Parsing;

/// <summary>Statements: from tokens to the tree that <see cref="Render"/> runs.</summary>
sealed class Parser
{
    /// <summary>Maximum length of a template; the longest real one in the tests has 17 thousand characters.</summary>
    public const int MaxCharacters = 1_000_000;

    readonly TokenReader _tokens;
    readonly ExpressionParser _expressions;
    readonly Dictionary<string, Func<int, Statement>> _statements;
    int _loops;

    Parser(string source)
    {
        _tokens = new TokenReader(source);
        _expressions = new ExpressionParser(_tokens);
        _statements = new()
        {
            ["if"] = ParseIf,
            ["for"] = ParseFor,
            ["set"] = ParseSet,
            ["macro"] = ParseMacro,
            ["call"] = ParseCall,
            ["filter"] = ParseFilterBlock,
            ["with"] = ParseWith,
            ["generation"] = ParseGeneration,
            ["print"] = ParsePrint,
            ["break"] = line => ParseJump(line, Flow.Break),
            ["continue"] = line => ParseJump(line, Flow.Continue),
        };
    }

    public static Statement[] Parse(string source)
    {
        if (source.Length > MaxCharacters)
            throw TemplateException.Limit("characters of a template", MaxCharacters);
        var parser = new Parser(Lexer.Normalize(source));
        var body = parser.ParseBody();
        parser._expressions.RequireKnown();
        return body;
    }

    // Statements up to the end, or up to a block that begins with one of the names; its tokens from the name on are left to the caller.
    Statement[] ParseBody(params string[] ends)
    {
        _tokens.Enter();
        var body = new List<Statement>();
        while (_tokens.Current.Kind != TokenKind.End)
        {
            var line = _tokens.Line;
            var token = _tokens.Next();
            if (token.Kind == TokenKind.Data)
                body.Add(new Data(line, token.Text));
            else if (token.Kind == TokenKind.PrintBegin)
            {
                body.Add(new Print(line, _expressions.ParseTuple()));
                _tokens.Expect(TokenKind.PrintEnd, "end of print statement");
            }
            else
            {
                if (_tokens.Current.Kind == TokenKind.Name && ends.Contains(_tokens.Current.Text))
                    break;
                body.Add(ParseStatement(line));
                EndBlock();
            }
        }
        if (ends.Length > 0 && _tokens.Current.Kind == TokenKind.End)
            throw _tokens.Error($"Unexpected end of template. Looking for {string.Join(" or ", ends.Select(e => $"'{e}'"))}.");
        _tokens.Leave();
        return [.. body];
    }

    void EndBlock() => _tokens.Expect(TokenKind.BlockEnd, "end of statement block");

    // The rest of the opening tag, the body, and the closing tag's name.
    Statement[] BodyUntil(string end)
    {
        EndBlock();
        var body = ParseBody(end);
        _tokens.Next();
        return body;
    }

    Statement ParseStatement(int line)
    {
        var name = _tokens.Current.Kind == TokenKind.Name ? _tokens.Current.Text : throw _tokens.Error("tag name expected");
        if (name is "include" or "import" or "from" or "extends" or "block")
            throw _tokens.Error($"'{name}' needs other templates, and a chat template has none");
        if (!_statements.TryGetValue(name, out var parse))
            throw _tokens.Error($"Encountered unknown tag '{name}'.");
        _tokens.Next();
        return parse(line);
    }

    // {% print a, b %} writes them one after the other.
    Print ParsePrint(int line)
    {
        var parts = new List<Expression>();
        do
            parts.Add(_expressions.Parse());
        while (_tokens.Skip(","));
        return new Print(line, new Concatenate([.. parts]));
    }

    If ParseIf(int line)
    {
        var branches = new List<(Expression, Statement[])>();
        Statement[] otherwise = [];
        _expressions.Conditions++;
        for (var more = true; more;)
        {
            var test = _expressions.ParseTuple(withCondition: false);
            EndBlock();
            branches.Add((test, ParseBody("elif", "else", "endif")));
            var end = _tokens.Next().Text;
            more = end == "elif";
            if (end == "else")
                otherwise = BodyUntil("endif");
        }
        _expressions.Conditions--;
        return new If(line, [.. branches], otherwise);
    }

    For ParseFor(int line)
    {
        var target = ParseTarget(allowAttributes: false);
        if (!_tokens.SkipName("in"))
            throw _tokens.Error($"expected token 'in', got {_tokens.Current.Describe()}");
        var items = _expressions.ParseTuple(withCondition: false);
        var filter = _tokens.SkipName("if") ? _expressions.Parse() : null;
        var recursive = _tokens.SkipName("recursive");
        EndBlock();
        var outer = _expressions.Conditions;
        _expressions.Conditions = 0;
        _loops++;
        var body = ParseBody("else", "endfor");
        _loops--;
        var otherwise = _tokens.Next().Text == "else" ? BodyUntil("endfor") : [];
        _expressions.Conditions = outer;
        return new For(line, target, items, filter, recursive, body, otherwise);
    }

    Jump ParseJump(int line, Flow flow) =>
        _loops > 0 ? new Jump(line, flow) : throw _tokens.Error($"'{(flow == Flow.Break ? "break" : "continue")}' outside of a loop");

    Statement ParseSet(int line)
    {
        var target = ParseTarget(allowAttributes: true);
        if (_tokens.Skip("="))
            return new Set(line, target, _expressions.ParseTuple());
        return new SetBlock(line, target, _tokens.Skip("|") ? _expressions.ParseFilters() : [], InnerBody("endset"));
    }

    FilterBlock ParseFilterBlock(int line) => new(line, _expressions.ParseFilters(), InnerBody("endfilter"));

    // A body that cannot break out of the loop around it.
    Statement[] InnerBody(string end)
    {
        var (loops, conditions) = (_loops, _expressions.Conditions);
        (_loops, _expressions.Conditions) = (0, 0);
        var body = BodyUntil(end);
        (_loops, _expressions.Conditions) = (loops, conditions);
        return body;
    }

    With ParseWith(int line)
    {
        var variables = new List<(Target, Expression)>();
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (variables.Count > 0)
                _tokens.Expect(",");
            var target = ParseTarget(allowAttributes: false);
            _tokens.Expect("=");
            variables.Add((target, _expressions.Parse()));
        }
        return new With(line, [.. variables], BodyUntil("endwith"));
    }

    // {% generation %} marks what the assistant says, which only training needs to know.
    GenerationBlock ParseGeneration(int line) => new(line, InnerBody("endgeneration"));

    Macro ParseMacro(int line)
    {
        var name = _tokens.Expect(TokenKind.Name, "the macro's name").Text;
        return new Macro(line, ParseDefinition(name, "endmacro"));
    }

    CallBlock ParseCall(int line)
    {
        var parameters = _tokens.Current.Is("(") ? ParseParameters() : [];
        var call = _expressions.Parse() as Call ?? throw _tokens.Error("expected call");
        return new CallBlock(line, ParseDefinition(null, "endcall", parameters), call);
    }

    MacroDefinition ParseDefinition(string? name, string end, (string Name, Expression? Default)[]? parameters = null)
    {
        var outside = _expressions.NamesRead.ToArray();
        parameters ??= ParseParameters();
        _expressions.NamesRead.Clear();
        var body = InnerBody(end);
        var read = _expressions.NamesRead;
        bool Uses(string special) => read.Contains(special) && parameters.All(p => p.Name != special);
        var definition = new MacroDefinition(name, parameters, body, Uses("varargs"), Uses("kwargs"), read.Contains("caller"));
        read.UnionWith(outside);
        return definition;
    }

    (string, Expression?)[] ParseParameters()
    {
        var parameters = new List<(string, Expression?)>();
        _tokens.Expect("(");
        while (!_tokens.Skip(")"))
        {
            if (parameters.Count > 0)
                _tokens.Expect(",");
            var name = _tokens.Expect(TokenKind.Name, "a parameter").Text;
            if (_tokens.Skip("="))
                parameters.Add((name, _expressions.Parse()));
            else if (parameters.Count > 0 && parameters[^1].Item2 is not null)
                throw _tokens.Error("non-default argument follows default argument");
            else
                parameters.Add((name, null));
        }
        return [.. parameters];
    }

    Target ParseTarget(bool allowAttributes)
    {
        var first = ParseSingleTarget(allowAttributes);
        if (!_tokens.Current.Is(","))
            return first;
        var targets = new List<Target> { first };
        while (_tokens.Skip(",") && !_tokens.Current.Is("=") && !_tokens.Current.IsName("in"))
            targets.Add(ParseSingleTarget(allowAttributes));
        return new TupleTarget([.. targets]);
    }

    Target ParseSingleTarget(bool allowAttributes)
    {
        if (_tokens.Skip("("))
        {
            _tokens.Enter();
            var inner = ParseTarget(allowAttributes);
            _tokens.Leave();
            _tokens.Expect(")");
            return inner;
        }
        var name = _tokens.Expect(TokenKind.Name, "a name to assign to").Text;
        if (name is "true" or "false" or "none" or "True" or "False" or "None")
            throw _tokens.Error($"can't assign to '{name}'");
        if (!allowAttributes || !_tokens.Skip("."))
            return new NameTarget(name);
        _expressions.NamesRead.Add(name);
        return new AttributeTarget(name, _tokens.Expect(TokenKind.Name, "an attribute's name").Text);
    }
}
