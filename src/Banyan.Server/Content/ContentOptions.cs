namespace Banyan.Server.Content;

/// <summary>How large files are kept.</summary>
public sealed record ContentOptions
{
    /// <summary>Where uploads are spooled before they are objects.</summary>
    public string SpoolFolder { get; init; } = Path.GetTempPath();

    /// <summary>
    /// How long a xorb is kept after somebody was told that it is here. Clients remember such answers for weeks, and an upload that
    /// refers to a xorb that is gone fails for good.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(30);
}
