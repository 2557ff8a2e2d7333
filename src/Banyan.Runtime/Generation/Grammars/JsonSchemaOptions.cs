using System.Text.Json;

namespace Banyan.Runtime.Generation.Grammars;

/// <summary>How a JSON Schema is enforced.</summary>
public sealed record JsonSchemaOptions
{
    /// <summary>Whether <c>format</c> is enforced; otherwise it is an annotation, which is the specification's default.</summary>
    public bool Formats { get; init; } = true;

    /// <summary>Whether an answer may hold spaces and line breaks between values: at most one break and 32 spaces at a place.</summary>
    public bool Whitespace { get; init; } = true;

    /// <summary>Resolves other documents that a schema refers to. Without it such a schema is refused: nothing is fetched.</summary>
    public Func<Uri, JsonElement?>? Documents { get; init; }
}
