using System.Text.Json;
using System.Text.Json.Serialization;

namespace Banyan.Server.Inference.Models;

/// <summary>A model derived from another by Ollama's <c>/api/create</c>: the same weights, with a system text, a template, an adapter or
/// sampling of its own. It is in the folder of models as <c>NAME.model.json</c>.</summary>
/// <param name="From">Name of the model that it is made of.</param>
sealed record CreatedModel(string From)
{
    const string Extension = ".model.json";
    const long LargestFile = 4 << 20;

    /// <summary>A GGUF file beside it, or null.</summary>
    public string? Adapter { get; init; }

    public string? System { get; init; }

    /// <summary>Jinja.</summary>
    public string? Template { get; init; }

    public float? Temperature { get; init; }

    public float? TopP { get; init; }

    public int? TopK { get; init; }

    public float? MinP { get; init; }

    public float? RepeatPenalty { get; init; }

    public IReadOnlyList<string>? Stop { get; init; }

    [JsonIgnore]
    public ModelSettings Settings =>
        new()
        {
            System = System,
            ChatTemplate = Template,
            Temperature = Temperature,
            TopP = TopP,
            TopK = TopK,
            MinP = MinP,
            RepetitionPenalty = RepeatPenalty,
            Stop = Stop
        };

    public static bool Is(string path) => path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);

    public static string PathOf(string folder, string name) => Path.Combine(folder, name + Extension);

    /// <summary>Reads a file; null if it is not one of these.</summary>
    public static CreatedModel? TryRead(string path)
    {
        try
        {
            return new FileInfo(path).Length > LargestFile ? null
                : JsonSerializer.Deserialize(File.ReadAllBytes(path), CreatedModelJson.Default.CreatedModel);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Write(string path)
    {
        var temporary = $"{path}-{Guid.NewGuid():N}";
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(this, CreatedModelJson.Default.CreatedModel));
        File.Move(temporary, path, overwrite: true);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CreatedModel))]
sealed partial class CreatedModelJson : JsonSerializerContext;
