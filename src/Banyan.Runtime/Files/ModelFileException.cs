namespace Banyan.Runtime.Files;

/// <summary>
/// A model file that is missing, damaged, hostile or of a kind Banyan cannot read. The message names the file, what is wrong with which
/// value, and what to do.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="problem">What is wrong and what to do.</param>
/// <param name="inner">What was caught, if anything.</param>
public sealed class ModelFileException(string path, string problem, Exception? inner = null) : Exception($"{path}: {problem}", inner)
{
    /// <summary>The file.</summary>
    public string Path { get; } = path;
}
