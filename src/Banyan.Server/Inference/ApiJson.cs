using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.OpenAi.Completions;
using Banyan.Server.Inference.LlamaServer;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Status;

namespace Banyan.Server.Inference;

/// <summary>How answers become JSON: snake_case, source-generated, text left readable (it is JSON, never HTML).</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatChunk))]
[JsonSerializable(typeof(Completion))]
[JsonSerializable(typeof(InfillAnswer))]
[JsonSerializable(typeof(InfillAnswer[]))]
[JsonSerializable(typeof(ErrorAnswer))]
[JsonSerializable(typeof(Health))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ServerStatus))]
sealed partial class ApiJson : JsonSerializerContext
{
    public static readonly JavaScriptEncoder Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    public static ApiJson Readable { get; } =
        new(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = Encoder });
}
