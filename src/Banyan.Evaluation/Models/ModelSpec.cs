using Banyan.Evaluation.Efficiency;
using Banyan.Evaluation.Models.Http;

namespace Banyan.Evaluation.Models;

/// <summary>Names of models that are not on this machine: <c>openai:NAME</c>, <c>gemini:NAME</c>, <c>anthropic:NAME</c>,
/// <c>http://host/v1#NAME</c> for any server that speaks OpenAI's API, <c>recorded:FILE</c> or <c>recorded:FILE#NAME</c> for the answers of
/// a transcript. Keys come from the environment, and are stored nowhere.</summary>
public static class ModelSpec
{
    /// <summary>The variable of the key of an OpenAI-compatible server: not OPENAI_API_KEY, which is OpenAI's alone.</summary>
    public const string ServerKey = "BANYAN_MODEL_API_KEY";

    /// <summary>
    /// The model of a name, or null when the name means a file or folder. Throws <see cref="EvaluationException"/> when it is wrong or its
    /// key is missing.
    /// </summary>
    /// <param name="spec">The name.</param>
    /// <param name="variable">Reads the environment.</param>
    public static EvaluatedModel? Open(string spec, Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        if (spec.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
            || spec.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        {
            var parts = spec.Split('#', 2);
            return parts.Length == 2 && parts[1].Length > 0 && Uri.TryCreate(parts[0], UriKind.Absolute, out var address)
                ? new OpenAiModel(address, parts[1], variable(ServerKey), energy: MachineEnergy.For(address))
                : throw new EvaluationException($"'{spec}' names a server and no model: write http://host/v1#MODEL");
        }
        if (spec.Split(':', 2) is not [var service, var name])
            return null;
        switch (service)
        {
            case "recorded":
                var file = name.Split('#', 2);
                return RecordedModel.Open(file[0], file.Length == 2 ? file[1] : null);
            case "openai":
                return new OpenAiModel(Address("OPENAI_BASE_URL", "https://api.openai.com/v1"), Name(),
                    Key("OPENAI_API_KEY"), isOpenAi: true);
            case "gemini":
                return new GeminiModel(Address("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com/v1beta"), Name(),
                    Key("GEMINI_API_KEY", "GOOGLE_API_KEY"));
            case "anthropic":
                return new AnthropicModel(Address("ANTHROPIC_BASE_URL", "https://api.anthropic.com/v1"), Name(), Key("ANTHROPIC_API_KEY"));
            default:
                return null;
        }

        string Name() => name.Length > 0 ? name
            : throw new EvaluationException($"'{spec}' names a service and no model: write {service}:MODEL");

        string Key(params string[] names) => names.Select(variable).FirstOrDefault(v => !string.IsNullOrWhiteSpace(v))
            ?? throw new EvaluationException(
                $"'{spec}' needs a key in the variable {string.Join(" or ", names)}; it is kept nowhere. Without one, recorded:TRANSCRIPT runs again what was answered before");

        Uri Address(string name, string usual) => variable(name) is { Length: > 0 } given
            ? Uri.TryCreate(given, UriKind.Absolute, out var uri) ? uri
            : throw new EvaluationException($"{name} is '{given}': an address is expected")
            : new(usual);
    }
}
