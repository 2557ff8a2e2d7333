using System.Text;

namespace Banyan.Sprout.Data;

internal enum Language
{
    CSharp,
    Python,
}

/// <summary>One cleaned source file. <see cref="Bytes"/> is its length in UTF-8.</summary>
internal sealed record SourceFile(string Repository, string Path, Language Language, string Text)
{
    public int Bytes { get; } = Encoding.UTF8.GetByteCount(Text);

    public bool IsTest => Path.Contains("test", StringComparison.OrdinalIgnoreCase);
}
