using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Parsing;

enum TokenKind { Data, BlockBegin, BlockEnd, PrintBegin, PrintEnd, Name, Text, Integer, Float, Operator, End }

/// <summary>
/// A piece of template source; <paramref name="Text"/> is the operator, the name, the number as written, or the string's value.
/// </summary>
readonly record struct Token(TokenKind Kind, string Text, int Position)
{
    public bool Is(string op) => Kind == TokenKind.Operator && Text == op;

    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public string Describe() => Kind switch
    {
        TokenKind.End => "end of template",
        TokenKind.BlockEnd => "end of statement block",
        TokenKind.PrintEnd => "end of print statement",
        TokenKind.Data => "template data",
        TokenKind.Text => "string " + Printer.Quote(Text),
        _ => Printer.Quote(Text),
    };
}
