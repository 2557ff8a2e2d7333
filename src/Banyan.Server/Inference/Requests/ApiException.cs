namespace Banyan.Server.Inference.Requests;

/// <summary>A request that cannot be answered, in the words of OpenAI's error object.</summary>
sealed class ApiException(int status, string message, string? param = null, string? code = null, string type = "invalid_request_error")
    : Exception(message)
{
    public int Status { get; } = status;

    /// <summary>When to try again, in seconds; null if a retry is useless.</summary>
    public int? RetryAfterSeconds { get; init; }

    public ErrorAnswer ToRecord() => new(new(Message, type, param, code));

    public static ApiException Invalid(string param, string message, string? code = "invalid_value") => new(400, message, param, code);

    public static ApiException WrongType(string param, string expected, string actual) =>
        new(400, $"Invalid type for '{param}': expected {expected}, but got {actual}.", param, "invalid_type");

    public static ApiException Missing(string param) =>
        new(400, $"Missing required parameter: '{param}'.", param, "missing_required_parameter");

    /// <summary>Something OpenAI's API has and this server does not have yet.</summary>
    public static ApiException Unsupported(string param, string message) => new(400, message, param, "unsupported_parameter");

    public static ApiException TooLong(string message) => new(400, message, code: "context_length_exceeded");

    public static ApiException UnknownModel(string model, IEnumerable<string> known) =>
        new(404, $"The model '{model}' does not exist here. Models: {string.Join(", ", known)}.", "model", "model_not_found");

    public static ApiException BodyTooLarge() =>
        new(413, "The request's body is larger than this server takes.", code: "request_too_large");

    public static ApiException Forbidden(string message) => new(403, message, code: "forbidden");

    public static ApiException Unauthorized(string message) => new(401, message, code: "invalid_api_key");

    public static ApiException Busy(string model, int pending) =>
        new(429, $"{model} already has {pending} requests running or waiting. Try again in a moment.", code: "queue_full",
            type: "rate_limit_error")
        { RetryAfterSeconds = 2 };
}

/// <summary>OpenAI's error object.</summary>
sealed record ErrorAnswer(ErrorDetail Error);

sealed record ErrorDetail(string Message, string Type, string? Param, string? Code);
