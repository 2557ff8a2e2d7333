namespace Banyan.Server.OAuth;

/// <summary>A program that asks users for authorization.</summary>
sealed record OAuthClient
{
    /// <summary>Its <c>client_id</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The name that users see.</summary>
    public required string Name { get; init; }

    /// <summary>How long its access tokens live.</summary>
    public required TimeSpan TokenLife { get; init; }

    /// <summary>How long access tokens of apps live, as huggingface.co's do.</summary>
    public static TimeSpan AppTokenLife { get; } = TimeSpan.FromHours(8);

    /// <summary>A registered app.</summary>
    public static OAuthClient Of(OAuthApp app) => new() { Id = app.Client, Name = app.Name, TokenLife = AppTokenLife };

    /// <summary><c>hf auth login</c>, of every version that signs in by a browser: the id is the one in huggingface_hub. Nothing proves
    /// that it is that program, so the user is asked each time, and shown the name that it gives itself.</summary>
    public static OAuthClient CommandLine { get; } =
        new() { Id = "26be6b09-91c5-47da-9861-d2d2bb7a7e36", Name = "Hugging Face's command line", TokenLife = TimeSpan.FromDays(30) };
}
