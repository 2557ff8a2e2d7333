namespace Banyan.Server.Content;

/// <summary>How large files are kept.</summary>
public sealed record ContentOptions
{
    /// <summary>Where uploads are spooled before they are objects.</summary>
    public string SpoolFolder { get; init; } = Path.GetTempPath();

    /// <summary>
    /// How long a xorb is kept after a client learned that it exists. Clients remember this for weeks, and an upload that refers to a
    /// removed xorb fails permanently.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(30);
}
