using System.Text.Json;
using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Models.Http;

/// <summary>Why a service did not answer, as far as it says so in a known format.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Message">Its text.</param>
/// <param name="Code">Its code, or the type of the error.</param>
/// <param name="Parameter">The parameter that it names.</param>
sealed partial record ServiceError(int Status, string Message, string? Code, string? Parameter)
{
    static readonly string[] s_filters =
        ["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "moderation_blocked", "invalid_prompt",
            "data_inspection_failed", "DataInspectionFailed"];

    /// <summary>Whether a content filter blocked the request or its answer: the item has no answer, but the service works.</summary>
    public bool IsFiltered => Status is 400 or 403 or 422 or 451 && (s_filters.Contains(Code) || Filtered().IsMatch(Message));

    /// <summary>Whether the model does not accept a parameter, at all or with this value.</summary>
    public bool Refuses(string parameter) => Status is 400 or 404 or 422
        && (Parameter == parameter || Regex.IsMatch(Message, $@"(?<![\w]){Regex.Escape(parameter)}(?![\w])"))
        && (Code is "unsupported_parameter" or "unsupported_value" || Unsupported().IsMatch(Message));

    /// <summary>Reads <c>{"error":{"message":…,"code":…,"param":…}}</c>, as OpenAI, Gemini and Anthropic write it.</summary>
    public static ServiceError Read(int status, string body, string message)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Array && root.GetArrayLength() > 0)
                root = root[0];
            var error = root.Get("error") ?? root;
            return new(status, message, error.Get("code").Text() ?? error.Get("innererror")?.Get("code").Text() ?? error.Get("type").Text(),
                error.Get("param").Text());
        }
        catch (JsonException)
        {
            return new(status, message, null, null);
        }
    }

    [GeneratedRegex(@"content[ _-]?(management|filter\w*|policy|moderation)|safety (system|policy|filter)|flagged as potentially|blocked by .*(filter|polic|safety)|Content Exists Risk|inappropriate content|usage polic", RegexOptions.IgnoreCase)]
    private static partial Regex Filtered();

    [GeneratedRegex(@"unsupported|not supported|(does not|doesn't|do not) (support|accept|allow)|not (allowed|permitted|accepted|available)|deprecated|unrecognized|unknown (parameter|argument|field|name)|unexpected (keyword|field)|extra (inputs|fields)|cannot be used|is fixed|only the default", RegexOptions.IgnoreCase)]
    private static partial Regex Unsupported();
}
