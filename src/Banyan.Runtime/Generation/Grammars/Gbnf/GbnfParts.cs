using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Gbnf;

/// <summary>A part of a rule.</summary>
internal abstract record GbnfPart;

/// <summary>Characters.</summary>
internal sealed record GbnfText(Regex Text) : GbnfPart;

/// <summary>Another rule.</summary>
internal sealed record GbnfReference(string Name, int Line) : GbnfPart;

/// <summary>One after the other.</summary>
internal sealed record GbnfSequence(IReadOnlyList<GbnfPart> Parts) : GbnfPart;

/// <summary>One of several.</summary>
internal sealed record GbnfChoice(IReadOnlyList<GbnfPart> Parts) : GbnfPart;

/// <summary>A part several times; Max is -1 if there is no limit.</summary>
internal sealed record GbnfRepetition(GbnfPart Part, int Min, int Max) : GbnfPart;
