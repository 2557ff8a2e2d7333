using System.Globalization;
using System.Text.Json.Nodes;

namespace Banyan.Training.Data.Records;

/// <summary>A record of a file, or why there is none at its place.</summary>
/// <param name="Place">Where to find it: <c>train.jsonl, line 70,431</c>.</param>
/// <param name="Json">The record.</param>
/// <param name="Problem">Why there is none.</param>
readonly record struct RawRecord(string Place, JsonObject? Json, string? Problem)
{
    /// <summary>A place in a file.</summary>
    public static string At(string file, string what, long number) =>
        string.Create(CultureInfo.InvariantCulture, $"{file}, {what} {number:N0}");
}
