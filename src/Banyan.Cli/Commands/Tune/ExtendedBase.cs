using System.Text.Json;
using Banyan.Runtime.Models;
using Banyan.Training;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>The base of a run with <c>--extend-vocabulary</c>: with new tokens, which are learned from the run's data, in the run's folder.
/// Tokens learned before from the same base and data are reused.</summary>
/// <param name="Path">The base with the new tokens.</param>
/// <param name="Key">What it was made from.</param>
/// <param name="Tokens">New tokens.</param>
/// <param name="Before">Tokens of the data's words by the base.</param>
/// <param name="After">With the new ones.</param>
/// <param name="Some">Examples of the new tokens; none is a part of a character.</param>
/// <param name="BaseLosses">The base's losses on the held-out texts.</param>
sealed record ExtendedBase(string Path, string Key, int Tokens, long Before, long After, IReadOnlyList<string> Some,
    IReadOnlyList<TextLoss> BaseLosses)
{
    const string Name = "vocabulary.json";
    const int MostHeldOut = 100, Shown = 12;

    /// <summary>Learns the tokens, evaluates the base on the held-out data, and writes the extended base.</summary>
    public static ExtendedBase Make(Model model, PreparedData data, int count, string work, CancellationToken cancellationToken)
    {
        var isFolder = Directory.Exists(model.Path);
        var (path, made) = (System.IO.Path.Combine(work, isFolder ? "extended" : "extended.gguf"), System.IO.Path.Combine(work, Name));
        var file = new FileInfo(isFolder ? System.IO.Path.Combine(model.Path, "config.json") : model.Path);
        var key =
            $"{System.IO.Path.GetFullPath(model.Path)} {file.Length} {file.LastWriteTimeUtc.Ticks} {count} {File.GetLastWriteTimeUtc(System.IO.Path.Combine(work, "data.json")).Ticks} {data.Report.Tokens}";
        if (Read(made) is { } known && known.Key == key && known.Path == path && (File.Exists(path) || Directory.Exists(path)))
            return known;
        File.Delete(made);
        var extension = VocabularyExtension.Learn(model, data.Data, count, cancellationToken);
        extension.Write(path);
        var losses = TextLoss.Of(model, data.Data.HeldOut.Take(MostHeldOut), null, null, cancellationToken);
        var result = new ExtendedBase(path, key, extension.Count, extension.TokensBefore, extension.TokensAfter,
            [.. extension.Tokens.Where(t => !t.Contains('\uFFFD')).Take(Shown)], losses);
        File.WriteAllText(made + ".tmp", JsonSerializer.Serialize(result));
        File.Move(made + ".tmp", made, overwrite: true);
        return result;
    }

    static ExtendedBase? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<ExtendedBase>(File.ReadAllText(path)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
