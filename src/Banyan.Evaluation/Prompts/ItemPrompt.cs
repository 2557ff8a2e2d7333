namespace Banyan.Evaluation.Prompts;

/// <summary>The kind of question in an item.</summary>
public enum Asked
{
    /// <summary>The rest of a program whose start is given.</summary>
    Program,

    /// <summary>A whole file, described in words.</summary>
    File,

    /// <summary>The text that is missing between two others.</summary>
    Gap,

    /// <summary>One expression.</summary>
    Expression,
}

/// <summary>An item as a task states it, before it is put into a model's prompt form.</summary>
/// <param name="Asked">What is asked.</param>
/// <param name="Language">The language, as Markdown's code fences name it: <c>python</c>, <c>csharp</c> …</param>
/// <param name="Code">The code to continue; everything before the gap; or everything before the expression.</param>
public sealed record ItemPrompt(Asked Asked, string Language, string Code)
{
    /// <summary>What to do, for a model that reads messages; null: complete the code.</summary>
    public string? Instruction { get; init; }

    /// <summary>Everything after the gap.</summary>
    public string? Suffix { get; init; }

    /// <summary>The requested function.</summary>
    public string? Entry { get; init; }

    /// <summary>Whether the gap ends where its line ends.</summary>
    public bool OneLine { get; init; }

    /// <summary>The language's name in prose.</summary>
    public string Title => Language switch
    {
        "python" => "Python",
        "csharp" => "C#",
        "javascript" => "JavaScript",
        "typescript" => "TypeScript",
        "java" => "Java",
        "cpp" => "C++",
        "php" => "PHP",
        "bash" => "Bash",
        _ => Language,
    };
}
