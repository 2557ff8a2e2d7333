using System.Globalization;
using System.Text.Json;
using Banyan.Signatures;

namespace Banyan.Server.Reports;

/// <summary>A model's result on a task, as a report states it.</summary>
/// <param name="Task">The task.</param>
/// <param name="Model">The model, with what distinguishes this run from its others.</param>
/// <param name="Right">Share of right answers, 0 to 1.</param>
/// <param name="Least">The lower end of its 95 % interval.</param>
/// <param name="Most">The upper end.</param>
/// <param name="Items">Items that were run.</param>
/// <param name="TaskItems">Items that the task has.</param>
public sealed record ReportedScore(string Task, string Model, double Right, double Least, double Most, int Items, int TaskItems);

/// <summary>Two models on a task, item by item.</summary>
/// <param name="A">The first.</param>
/// <param name="B">The second.</param>
/// <param name="Task">The task.</param>
/// <param name="Difference">Right answers of the first less those of the second, -1 to 1.</param>
/// <param name="Least">The lower end of its 95 % interval.</param>
/// <param name="Most">The upper end.</param>
/// <param name="Verdict">The verdict on the first: better, worse, non-inferior or undecided.</param>
public sealed record ReportedDifference(string A, string B, string Task, double Difference, double Least, double Most, string Verdict);

/// <summary>
/// A report of <c>banyan eval report</c> (docs/reports.md), as a hub shows it: its numbers as written, and whether its signature is valid
/// for the key it names. Whether the numbers are true is for <c>banyan eval verify</c>, which judges every answer again.
/// </summary>
/// <param name="Signer">The public key, in base64.</param>
/// <param name="IsValid">Whether the signature is valid.</param>
/// <param name="Scores">Each run.</param>
/// <param name="Differences">Each comparison.</param>
public sealed record SignedReport(string Signer, bool IsValid, IReadOnlyList<ReportedScore> Scores,
    IReadOnlyList<ReportedDifference> Differences)
{
    /// <summary>The user of this hub who has registered the key of a valid signature; null for nobody.</summary>
    public string? Owner { get; init; }

    /// <summary>The file's name in the folder that the command writes.</summary>
    public const string FileName = "report.json";

    /// <summary>The size of the largest report that is read.</summary>
    public const int MaxBytes = 4 << 20;

    const int Version = 1, MaxRows = 200, MaxText = 200;

    static readonly JsonDocumentOptions s_reading = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    /// <summary>Reads a report; null if it is not one of this version.</summary>
    public static SignedReport? Read(ReadOnlyMemory<byte> file)
    {
        try
        {
            using var document = JsonDocument.Parse(file, s_reading);
            var (report, signature) = (document.RootElement.GetProperty("report"), document.RootElement.GetProperty("signature"));
            if (report.GetProperty("version").GetInt32() != Version)
                return null;
            var signer = Text(signature, "publicKey");
            return new SignedReport(
                signer,
                signature.GetProperty("algorithm").GetString() == SignedText.Algorithm
                    && SignedText.Verify(signer, SignedText.Of(report), Text(signature, "value")),
                [.. report.GetProperty("runs").EnumerateArray().Take(MaxRows).Select(Score)],
                [.. report.GetProperty("comparisons").EnumerateArray().Take(MaxRows).Select(Difference)]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    static ReportedScore Score(JsonElement run)
    {
        var (least, most) = Interval(run);
        var temperature = run.GetProperty("sampling").GetProperty("temperature").GetDouble();
        var model = Text(run, "requestedModel") + (Text(run, "prompt") == "vendor" ? " (vendor's prompt)" : "")
            + (temperature > 0 ? string.Create(CultureInfo.InvariantCulture, $" (temperature {temperature})") : "");
        return new(Text(run, "task"), model, Share(run.GetProperty("pass@1")), least, most,
            run.GetProperty("total").GetInt32() / Math.Max(1, run.GetProperty("samplesPerItem").GetInt32()),
            run.GetProperty("taskItems").GetInt32());
    }

    static ReportedDifference Difference(JsonElement pair)
    {
        var (least, most) = Interval(pair);
        return new(Text(pair, "a"), Text(pair, "b"), Text(pair, "task"), Share(pair.GetProperty("difference")), least,
            most, Text(pair, "verdict"));
    }

    static (double Least, double Most) Interval(JsonElement of) =>
        of.GetProperty("interval") is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2
        ? (Share(pair[0]), Share(pair[1])) : throw new FormatException();

    static double Share(JsonElement number) => number.GetDouble() is >= -1 and <= 1 and var share ? share : throw new FormatException();

    static string Text(JsonElement of, string name) =>
        of.GetProperty(name).GetString() is { } text ? text.Length <= MaxText ? text : text[..MaxText] + "…" : throw new FormatException();
}
