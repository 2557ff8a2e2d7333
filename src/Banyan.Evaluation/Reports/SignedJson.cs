using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Signatures;

namespace Banyan.Evaluation.Reports;

/// <summary>
/// JSON with a signature: <c>{"report": …, "signature": {"algorithm": "Ed25519", "publicKey": …, "value": …}}</c>. The signature covers the
/// report without whitespace, with members in order and numbers as written, so indenting a file does not break its signature, but changing
/// it does.
/// </summary>
static class SignedJson
{
    static readonly JsonSerializerOptions s_indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    static readonly JsonDocumentOptions s_reading = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    public static string Sign(JsonObject report, SigningKey key)
    {
        using var document = JsonDocument.Parse(report.ToJsonString(), s_reading);
        return new JsonObject
        {
            ["report"] = report.DeepClone(),
            ["signature"] = new JsonObject
            {
                ["algorithm"] = SignedText.Algorithm,
                ["publicKey"] = key.PublicKey,
                ["value"] = Convert.ToBase64String(key.Sign(SignedText.Of(document.RootElement))),
            },
        }.ToJsonString(s_indented) + "\n";
    }

    /// <summary>
    /// The report, its claimed signer, and whether the signature is valid; throws <see cref="EvaluationException"/> if it is not a signed
    /// report.
    /// </summary>
    public static (JsonObject Report, string Signer, bool IsValid) Read(string file)
    {
        var text = DataFiles.ReadText(file);
        try
        {
            using var document = JsonDocument.Parse(text, s_reading);
            var report = document.RootElement.GetProperty("report");
            var signature = document.RootElement.GetProperty("signature");
            var signer = signature.GetProperty("publicKey").GetString() ?? "";
            var isValid = signature.GetProperty("algorithm").GetString() == SignedText.Algorithm
                && SignedText.Verify(signer, SignedText.Of(report), signature.GetProperty("value").GetString() ?? "");
            return (JsonNode.Parse(report.GetRawText())!.AsObject(), signer, isValid);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new EvaluationException($"{file} is no signed report (banyan eval report writes one): {JsonProblem.Of(e)}");
        }
    }
}
