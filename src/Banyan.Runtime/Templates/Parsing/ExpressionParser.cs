using System.Globalization;
using System.Numerics;
using Banyan.Runtime.Templates.Filters;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Tests;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Parsing;

/// <summary>
/// Expressions, loosest first: <c>a if b else c</c>, or, and, not, comparisons, + -, ~, * / // %, **, signs, then what follows a
/// value: .name, [key], (arguments), | filter, is test.
/// </summary>
sealed class ExpressionParser(TokenReader tokens)
{
    static readonly Dictionary<string, Comparison> s_comparisons = new()
    {
        ["=="] = Comparison.Equal,
        ["!="] = Comparison.NotEqual,
        ["<"] = Comparison.Less,
        ["<="] = Comparison.LessOrEqual,
        [">"] = Comparison.Greater,
        [">="] = Comparison.GreaterOrEqual,
    };

    static readonly Dictionary<string, Operator> s_sums = new() { ["+"] = Operator.Add, ["-"] = Operator.Subtract };

    static readonly Dictionary<string, Operator> s_products = new()
    {
        ["*"] = Operator.Multiply,
        ["/"] = Operator.Divide,
        ["//"] = Operator.FloorDivide,
        ["%"] = Operator.Modulo,
    };

    /// <summary>The special names that the enclosing macros use.</summary>
    public HashSet<string> NamesRead { get; } = [];

    /// <summary>The number of enclosing conditions: inside them an unknown filter or test fails only when it is reached.</summary>
    public int Conditions { get; set; }

    public Expression Parse(bool withCondition = true)
    {
        tokens.Enter();
        var expression = withCondition ? ParseConditional() : ParseOr();
        tokens.Leave();
        return expression;
    }

    // Those found so far that are not under a condition.
    readonly List<TemplateException> _unknown = [];

    /// <summary>Throws for the first filter or test that does not exist and is not under a condition; syntax errors come first.</summary>
    public void RequireKnown()
    {
        if (_unknown.Count > 0)
            throw _unknown[0];
    }

    /// <summary>An expression, or several separated by commas, which form a tuple.</summary>
    public Expression ParseTuple(bool withCondition = true)
    {
        if (AtEnd())
            throw tokens.Error($"expected an expression, got {tokens.Current.Describe()}");
        var first = Parse(withCondition);
        if (!tokens.Current.Is(","))
            return first;
        var items = new List<Expression> { first };
        while (tokens.Skip(",") && !AtEnd())
            items.Add(Parse(withCondition));
        return new ListLiteral([.. items], isTuple: true);
    }

    bool AtEnd() => tokens.Current.Kind is TokenKind.PrintEnd or TokenKind.BlockEnd or TokenKind.End || tokens.Current.Is(")")
        || tokens.Current.Is("=") || tokens.Current.IsName("in") || tokens.Current.IsName("recursive");

    Expression ParseConditional()
    {
        var (line, unknown) = (tokens.Line, _unknown.Count);
        var value = ParseOr();
        var levels = 0;
        while (tokens.SkipName("if"))
        {
            tokens.Enter();
            levels++;
            var test = ParseOr();
            value = new Conditional(line, test, value, tokens.SkipName("else") ? Parse() : null);
            _unknown.RemoveRange(unknown, _unknown.Count - unknown);
        }
        tokens.Leave(levels);
        return value;
    }

    Expression ParseOr() => Chain(ParseAnd, () => tokens.SkipName("or") ? (l, r) => new Or(l, r) : null);

    Expression ParseAnd() => Chain(ParseNot, () => tokens.SkipName("and") ? (l, r) => new And(l, r) : null);

    Expression ParseNot()
    {
        if (!tokens.SkipName("not"))
            return ParseComparison();
        tokens.Enter();
        var operand = new Not(ParseNot());
        tokens.Leave();
        return operand;
    }

    Expression ParseComparison()
    {
        var first = ParseSum();
        var rest = new List<(Comparison, Expression)>();
        while (true)
            if (tokens.Current.Kind == TokenKind.Operator && s_comparisons.TryGetValue(tokens.Current.Text, out var comparison))
            {
                tokens.Next();
                rest.Add((comparison, ParseSum()));
            }
            else if (tokens.SkipName("in"))
                rest.Add((Comparison.In, ParseSum()));
            else if (tokens.Current.IsName("not") && tokens.Peek.IsName("in"))
            {
                tokens.Next();
                tokens.Next();
                rest.Add((Comparison.NotIn, ParseSum()));
            }
            else
                return rest.Count == 0 ? first : new Compare(first, [.. rest]);
    }

    Expression ParseSum() => Chain(ParseConcatenation, () => BinaryOf(s_sums));

    Expression ParseConcatenation()
    {
        var first = ParseProduct();
        if (!tokens.Current.Is("~"))
            return first;
        var parts = new List<Expression> { first };
        while (tokens.Skip("~"))
            parts.Add(ParseProduct());
        return new Concatenate([.. parts]);
    }

    Expression ParseProduct() => Chain(ParsePower, () => BinaryOf(s_products));

    Expression ParsePower() => Chain(() => ParseUnary(), () => tokens.Skip("**") ? (l, r) => new Binary(Operator.Power, l, r) : null);

    Func<Expression, Expression, Expression>? BinaryOf(Dictionary<string, Operator> operators)
    {
        if (tokens.Current.Kind != TokenKind.Operator || !operators.TryGetValue(tokens.Current.Text, out var op))
            return null;
        tokens.Next();
        return (left, right) => new Binary(op, left, right);
    }

    // Left-associative operators: each makes the tree one deeper.
    Expression Chain(Func<Expression> operand, Func<Func<Expression, Expression, Expression>?> next)
    {
        var left = operand();
        var levels = 0;
        for (; next() is { } combine; levels++)
        {
            tokens.Enter();
            left = combine(left, operand());
        }
        tokens.Leave(levels);
        return left;
    }

    Expression ParseUnary(bool withFilters = true)
    {
        Expression value;
        if (tokens.Current.Is("-") || tokens.Current.Is("+"))
        {
            var negative = tokens.Next().Text == "-";
            tokens.Enter();
            value = new Sign(ParseUnary(withFilters: false), negative);
            tokens.Leave();
        }
        else
            value = ParsePrimary();
        return ParseFollowing(value, withFilters);
    }

    Expression ParsePrimary()
    {
        var token = tokens.Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                NamesRead.Add(token.Text);
                return token.Text switch
                {
                    "true" or "True" => new Constant(true),
                    "false" or "False" => new Constant(false),
                    "none" or "None" => new Constant(NoneValue.None),
                    _ => new Name(token.Text),
                };
            case TokenKind.Text:
                var text = token.Text;
                while (tokens.Current.Kind == TokenKind.Text)
                    text += tokens.Next().Text;
                return new Constant(new TextValue(text));
            case TokenKind.Integer:
                return new Constant(Numbers.TryParse(token.Text, 0, out BigInteger integer) ? integer
                    : throw tokens.Error($"invalid number {token.Text}"));
            case TokenKind.Float:
                return new Constant(double.Parse(token.Text.Replace("_", ""), CultureInfo.InvariantCulture));
            case TokenKind.Operator when token.Text == "(":
                var tuple = tokens.Current.Is(")") ? new ListLiteral([], isTuple: true) : ParseTuple();
                tokens.Expect(")");
                return tuple;
            case TokenKind.Operator when token.Text == "[":
                return new ListLiteral([.. List("]", () => Parse())], isTuple: false);
            case TokenKind.Operator when token.Text == "{":
                return new DictLiteral([.. List("}", () =>
                {
                    var key = Parse();
                    tokens.Expect(":");
                    return (key, Parse());
                })]);
            default:
                throw tokens.Error($"unexpected {token.Describe()}");
        }
    }

    List<T> List<T>(string close, Func<T> item)
    {
        var items = new List<T>();
        while (!tokens.Skip(close))
        {
            if (items.Count > 0)
                tokens.Expect(",");
            if (tokens.Skip(close))
                break;
            items.Add(item());
        }
        return items;
    }

    Expression ParseFollowing(Expression value, bool withFilters)
    {
        var levels = 0;
        for (; ; levels++)
        {
            tokens.Enter();
            if (tokens.Skip("."))
                value = tokens.Current.Kind == TokenKind.Integer ? new Item(value, ParsePrimary())
                    : new Member(value, tokens.Expect(TokenKind.Name, "a name or number after '.'").Text);
            else if (tokens.Skip("["))
                value = ParseSubscript(value);
            else if (tokens.Current.Is("("))
                value = new Call(value, ParseArguments());
            else if (withFilters && tokens.Skip("|"))
                value = ParseFilter(value);
            else if (withFilters && tokens.SkipName("is"))
                value = ParseTest(value);
            else
                break;
        }
        tokens.Leave(levels + 1);
        return value;
    }

    Expression ParseSubscript(Expression owner)
    {
        var keys = new List<Expression>();
        Slice? slice = null;
        do
        {
            if (slice is not null || tokens.Current.Is("]"))
                throw tokens.Error("expected subscript expression");
            var start = tokens.Current.Is(":") ? null : Parse();
            if (!tokens.Skip(":"))
            {
                keys.Add(start!);
                continue;
            }
            var stop = tokens.Current.Is(":") || tokens.Current.Is("]") ? null : Parse();
            var step = tokens.Skip(":") && !tokens.Current.Is("]") ? Parse() : null;
            slice = keys.Count == 0 ? new Slice(owner, start, stop, step) : throw tokens.Error("slices in tuples are not supported");
        }
        while (tokens.Skip(","));
        tokens.Expect("]");
        return slice as Expression ?? new Item(owner, keys.Count == 1 ? keys[0] : new ListLiteral([.. keys], isTuple: true));
    }

    /// <summary>The arguments of a call, including the parentheses.</summary>
    public ArgumentList ParseArguments()
    {
        tokens.Expect("(");
        var positional = new List<Expression>();
        var keywords = new List<(string, Expression)>();
        Expression? rest = null, keywordRest = null;
        while (!tokens.Skip(")"))
        {
            if (positional.Count + keywords.Count > 0 || rest is not null || keywordRest is not null)
            {
                tokens.Expect(",");
                if (tokens.Skip(")"))
                    break;
            }
            var valid = keywordRest is null;
            if (tokens.Skip("*"))
                (rest, valid) = (Parse(), valid && rest is null);
            else if (tokens.Skip("**"))
                keywordRest = Parse();
            else if (tokens.Current.Kind == TokenKind.Name && tokens.Peek.Is("="))
            {
                var name = tokens.Next().Text;
                tokens.Next();
                keywords.Add((name, Parse()));
            }
            else
            {
                valid &= keywords.Count == 0 && rest is null;
                positional.Add(Parse());
            }
            if (!valid)
                throw tokens.Error("invalid syntax for function call expression");
        }
        return new ArgumentList([.. positional], [.. keywords], rest, keywordRest);
    }

    string DottedName()
    {
        var name = tokens.Expect(TokenKind.Name, "a name").Text;
        while (tokens.Skip("."))
            name += "." + tokens.Expect(TokenKind.Name, "a name").Text;
        return name;
    }

    /// <summary>Filters separated by bars, for the text of a block.</summary>
    public Filter[] ParseFilters()
    {
        var filters = new List<Filter>();
        do
            filters.Add(ParseFilter(null));
        while (tokens.Skip("|"));
        return [.. filters];
    }

    // A filter's name and arguments, after the bar.
    Filter ParseFilter(Expression? value)
    {
        var name = DottedName();
        var body = FilterTable.Find(name);
        if (body is null && Conditions == 0)
            _unknown.Add(Unknown("filter", name));
        return new Filter(value, name, body, tokens.Current.Is("(") ? ParseArguments() : ArgumentList.None);
    }

    TemplateException Unknown(string what, string name) =>
        new("TemplateAssertionError", $"No {what} named {Printer.Quote(name)}.", tokens.Line);

    Expression ParseTest(Expression value)
    {
        var negated = tokens.SkipName("not");
        var name = DottedName();
        var body = JinjaTests.Find(name);
        if (body is null && Conditions == 0)
            _unknown.Add(Unknown("test", name));
        var arguments = ArgumentList.None;
        if (tokens.Current.Is("("))
            arguments = ParseArguments();
        else if (tokens.Current.Kind is TokenKind.Text or TokenKind.Integer or TokenKind.Float || tokens.Current.Is("[")
            || tokens.Current.Is("{")
            || (tokens.Current.Kind == TokenKind.Name && tokens.Current.Text is not ("else" or "or" or "and")))
        {
            if (tokens.Current.IsName("is"))
                throw tokens.Error("You cannot chain multiple tests with is");
            arguments = new ArgumentList([ParseFollowing(ParsePrimary(), withFilters: false)], [], null, null);
        }
        Expression test = new Test(value, name, body, arguments);
        return negated ? new Not(test) : test;
    }
}
