using Banyan.Server.Access;

namespace Banyan.Server.Cards;

/// <summary>Errors of the YAML parser, in words for authors of cards, so that pages can translate them.</summary>
static class YamlProblems
{
    /// <summary>Says a message of the parser; one that is not known here is given as it is.</summary>
    public static ErrorText Of(string message)
    {
        bool Has(string part) => message.Contains(part, StringComparison.Ordinal);
        return message switch
        {
            _ when Has("could not find expected ':'") => "a name is not followed by a colon.",
            _ when Has("expected key") || Has("expected '-' indicator") =>
                "this line does not belong to the map or list above it: check how far it is indented.",
            _ when Has("are not allowed in this context") || Has("invalid mapping") =>
                "a colon or dash stands where none can be: put the value in quotes.",
            _ when Has("cannot start any token") || Has("tab") =>
                "no value begins with this character: put the value in quotes, and indent with spaces.",
            _ when Has("unexpected end of stream") => "a quotation mark is not closed.",
            _ when Has("expected ',' or") => "a bracket is not closed, or a comma is missing.",
            _ when Has("escape") => "an escape sequence is wrong: put the value in single quotes.",
            _ => (ErrorText)$"the YAML parser says: {message}",
        };
    }
}
