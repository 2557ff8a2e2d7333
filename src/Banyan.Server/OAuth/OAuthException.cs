namespace Banyan.Server.OAuth;

/// <summary>A request of a program that cannot be granted, with the code that RFC 6749, 7009 and 8628 have for it.</summary>
/// <param name="error">For example <c>invalid_grant</c>.</param>
/// <param name="description">What went wrong and what to do, for whoever writes the program.</param>
/// <param name="status">HTTP status.</param>
sealed class OAuthException(string error, string description, int status = 400) : Exception(description)
{
    public string Error { get; } = error;

    public int Status { get; } = status;

    public static OAuthException InvalidRequest(string description) => new("invalid_request", description);

    public static OAuthException InvalidGrant(string description) => new("invalid_grant", description);

    public static OAuthException InvalidClient(string description) => new("invalid_client", description, 401);
}
