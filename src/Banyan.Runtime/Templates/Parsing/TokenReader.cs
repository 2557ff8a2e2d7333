using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Parsing;

/// <summary>The tokens of a template, one at a time, and the parser's current depth.</summary>
sealed class TokenReader(string source)
{
    /// <summary>Maximum depth of a parsed tree, by nesting or by chaining operators; real templates reach 30.</summary>
    public const int MaxDepth = 200;

    readonly List<Token> _tokens = Lexer.Tokenize(source);
    int _at;
    int _depth;

    public Token Current => _tokens[_at];
    public Token Peek => _tokens[Math.Min(_at + 1, _tokens.Count - 1)];
    public int Line => LineOf(Current.Position);

    int _lineStart, _line = 1;

    // Positions only grow while parsing, so counting lines takes linear time in total.
    int LineOf(int position)
    {
        if (position > _lineStart)
        {
            _line += source.AsSpan(_lineStart, position - _lineStart).Count('\n');
            _lineStart = position;
        }
        return _line;
    }

    public Token Next()
    {
        var token = Current;
        if (_at < _tokens.Count - 1)
            _at++;
        return token;
    }

    public bool Skip(string op) => Current.Is(op) && Next().Kind == TokenKind.Operator;

    public bool SkipName(string name) => Current.IsName(name) && Next().Kind == TokenKind.Name;

    public void Expect(string op)
    {
        if (!Skip(op))
            throw Error($"expected token '{op}', got {Current.Describe()}");
    }

    public Token Expect(TokenKind kind, string what) =>
        Current.Kind == kind ? Next() : throw Error($"expected {what}, got {Current.Describe()}");

    public TemplateException Error(string detail) => Lexer.Syntax(source, detail, Current.Position);

    /// <summary>Goes one level deeper; <see cref="Leave"/> goes back by the number of levels entered.</summary>
    public void Enter()
    {
        if (++_depth > MaxDepth)
            throw Error($"the template is nested deeper than {MaxDepth}");
    }

    public void Leave(int levels = 1) => _depth -= levels;
}
