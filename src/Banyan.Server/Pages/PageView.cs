using Banyan.Runtime.Generation;
using Banyan.Server.Pages.Languages;

namespace Banyan.Server.Pages;

// Public, as Razor components and so their parameters are.

/// <summary>Everything a page shows.</summary>
public sealed record PageView
{
    /// <summary>The visitor.</summary>
    public required Visitor Visitor { get; init; }

    /// <summary>All models and their adapters.</summary>
    public required IReadOnlyList<ModelChoice> Models { get; init; }
    public required ModelView? Selected { get; init; }

    /// <summary>Scheme, host and port of the browser's request.</summary>
    public required string Address { get; init; }
    public required string? ModelsFolder { get; init; }
    public required bool NeedsKey { get; init; }
    public required string Memory { get; init; }
    public PageForm Form { get; init; } = new();
    public ResultView? Result { get; init; }
    public PageError? Error { get; init; }
    public IReadOnlyList<TurnView> Turns { get; init; } = [];

    /// <summary>The conversation so far, as JSON for the hidden field.</summary>
    public string History { get; init; } = "[]";
}

/// <summary>An error of the API, for a page.</summary>
/// <param name="Code">Its code for that, or null.</param>
/// <param name="Message">Its English message.</param>
public sealed record PageError(string? Code, string Message)
{
    /// <summary>Codes for which pages have their own text: <c>play.error.CODE</c>.</summary>
    public static IReadOnlyList<string> Said { get; } = ["context_length_exceeded", "queue_full", "model_not_found", "template_error",
        "no_chat_template", "fim_unsupported", "invalid_api_key", "request_too_large"];

    /// <summary>The page's own words; null if there are none for it.</summary>
    public string? In(PageLanguage language) => Code is { } code && Said.Contains(code) ? language[$"play.error.{code}"] : null;
}

/// <summary>A model to choose; one that is an adapter says of which.</summary>
public sealed record ModelChoice(string Name, string? Base)
{
    /// <summary>What a visitor chooses from.</summary>
    public string Title(PageLanguage language) => Base is null ? Name : language.Say("play.adapter", ("name", Name), ("base", Base));
}

/// <summary>The contents of the form.</summary>
public sealed record PageForm
{
    public string Text { get; init; } = "";
    public string? Example { get; init; }
    public double Temperature { get; init; } = 0.2;
    public int MaxTokens { get; init; } = 40;
    public long? Seed { get; init; }

    /// <summary>Tools of a chat, as JSON.</summary>
    public string Tools { get; init; } = "";

    /// <summary>The JSON Schema of an answer.</summary>
    public string Schema { get; init; } = "";
}

public sealed record ResultView(string Before, IReadOnlyList<TokenView> Tokens, string After, GenerationStatistics? Statistics);

public sealed record TurnView(string Role, string Text, IReadOnlyList<TokenView>? Tokens = null, string Thought = "")
{
    /// <summary>Calls of tools, written as of functions.</summary>
    public IReadOnlyList<string> Calls { get; init; } = [];
}
