namespace Banyan.Server.Inference.Requests;

/// <summary>Output that is forced into a shape (JSON, a schema, a grammar) does not exist here yet: asking for it must not go unnoticed.</summary>
static class ResponseFormat
{
    public static void Refuse(Fields fields)
    {
        if (fields.Object("response_format")?.Text("type") is { } type && type != "text")
            throw ApiException.Unsupported("response_format", $"'response_format' of type \"{type}\" is not supported yet; only \"text\" is. Ask for JSON in the prompt instead.");
        foreach (var name in (ReadOnlySpan<string>)["grammar", "json_schema", "guided_json", "guided_regex", "guided_choice", "guided_grammar"])
            if (fields.Any(name) is { } value && !(value.ValueKind == System.Text.Json.JsonValueKind.String && value.GetString() == ""))
                throw ApiException.Unsupported(name, $"'{name}' is not supported yet: this server cannot force output into a shape.");
    }
}
