using Banyan.Runtime.Generation.Grammars.Automata;

namespace Banyan.Runtime.Prompts;

/// <summary>How a family of models writes calls. One file or row per format; the model's template determines which.</summary>
internal abstract record CallFormat
{
    public required string Name { get; init; }

    /// <summary>Whether a template is of this format.</summary>
    public required Func<string, bool> Is { get; init; }

    /// <summary>What calls begin with.</summary>
    public required IReadOnlyList<string> Opens { get; init; }

    /// <summary>Texts that can be control tokens, which are then part of the answer.</summary>
    public IReadOnlyList<string> Marks { get; init; } = [];

    /// <summary>Whether an answer can hold several.</summary>
    public bool IsParallel { get; init; } = true;

    /// <summary>Parses a text that begins with an opening marker.</summary>
    /// <param name="text">Starting with the opening marker.</param>
    /// <param name="ended">Whether nothing more comes.</param>
    /// <param name="tools">The tools.</param>
    /// <param name="calls">The calls; none where it is malformed.</param>
    /// <returns>How many characters they took; 0 if it is malformed, -1 where more is needed.</returns>
    public abstract int Read(string text, bool ended, IReadOnlyList<Tool> tools, out List<ToolCall> calls);

    /// <summary>
    /// The name, and the arguments as far as they are there, of a call that is not complete; null if that cannot be said.
    /// </summary>
    public virtual (string Name, string Arguments)? Begun(string text) => null;

    /// <summary>The place before one or more calls that leads to another.</summary>
    public abstract State Write(AnswerWriter writer, IReadOnlyList<Tool> tools, bool several, State to);
}
