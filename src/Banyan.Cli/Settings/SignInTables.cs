using Banyan.Server.Hub;
using Banyan.Server.SignIn.OpenId;

namespace Banyan.Cli.Settings;

/// <summary>The tables <c>[sign-in.NAME]</c> of a settings file: providers for signing in (OpenID Connect).</summary>
static class SignInTables
{
    public const string Prefix = "sign-in.";

    /// <summary>A setting: its name, and how its values change what is set; null for values that are wrong.</summary>
    sealed record Row(string Name, string Expected, Func<OpenIdProvider, IReadOnlyList<string>, OpenIdProvider?> Set);

    static readonly Row[] s_rows =
    [
        new("title", "a text", (p, values) => Single(values) is { } text ? p with { Title = text } : null),
        new("issuer", "the provider's address", (p, values) => Single(values) is { } text ? p with { Issuer = text } : null),
        new("client-id", "a text", (p, values) => Single(values) is { } text ? p with { ClientId = text } : null),
        new("client-secret-file", "a file that can be read and holds the secret",
            (p, values) => Single(values) is { } file && Secret(file) is { } secret ? p with { ClientSecret = secret } : null),
        new("scopes", "a list of texts with openid among them", (p, values) => values.Count > 0 ? p with { Scopes = values } : null),
        new("name-claim", "the name of a claim", (p, values) => Single(values) is { } text ? p with { NameClaim = text } : null),
        new("groups-claim", "the name of a claim", (p, values) => Single(values) is { } text ? p with { GroupsClaim = text } : null),
        new("groups", "a list of \"GROUP = ORGANIZATION:read|write|admin\" or \"GROUP = administrator\"", (p, values) =>
            values.Select(GroupRole.Parse).ToList() is var roles && roles.All(r => r is not null)
            ? p with { Groups = [.. roles.Select(r => r!)] } : null),
        new("makes-accounts", "true or false",
            (p, values) => Single(values) is "true" or "false" ? p with { MakesAccounts = Single(values) == "true" } : null),
    ];

    /// <summary>A file's settings of providers; empty for null.</summary>
    /// <exception cref="CommandException">The file has errors; the message lists all of them.</exception>
    public static IReadOnlyList<OpenIdProvider> Read(string? path)
    {
        if (path is null)
            return [];
        var (problems, providers) = (new List<string>(), new List<OpenIdProvider>());
        foreach (var (name, entries) in SettingsFile.ReadTables(path, Prefix, problems))
        {
            var before = problems.Count;
            var provider = entries.Aggregate(new OpenIdProvider { Name = name, Title = name, Issuer = "", ClientId = "" },
                (p, entry) => Apply(p, entry, problems));
            providers.Add(provider);
            if (problems.Count == before)
                problems.AddRange(provider.Problems().Select(p => $"{path}: {p}"));
        }
        return problems.Count == 0 ? providers : throw new CommandException(string.Join("; ", problems));
    }

    /// <summary>The lines of those tables, for display; they have been checked.</summary>
    /// <inheritdoc cref="Read"/>
    public static IEnumerable<(string Provider, SettingsFile.Entry Entry)> Entries(string? path) =>
        Read(path).Count == 0 ? [] : SettingsFile.ReadTables(path!, Prefix, []).SelectMany(m => m.Value.Select(e => (m.Key, e)));

    static OpenIdProvider Apply(OpenIdProvider provider, SettingsFile.Entry entry, List<string> problems)
    {
        if (Array.Find(s_rows, r => r.Name == entry.Name) is not { } row)
            problems.Add(
                $"{entry.Place}: there is no setting '{entry.Name}' of a provider{ParseErrors.Suggestion(s_rows.Select(r => r.Name), entry.Name)}{(entry.Name == "client-secret" ? " (a secret stands in a file of its own)" : "")}");
        else if (row.Set(provider, entry.Values) is { } changed)
            return changed;
        else
            // What stands where a secret's file is expected may be the secret.
            problems.Add(
                $"{entry.Place}: {entry.Name}{(row.Name == "client-secret-file" ? "" : $" = {string.Join(", ", entry.Values)}")}: {row.Expected} is needed");
        return provider;
    }

    static string? Single(IReadOnlyList<string> values) => values is [{ Length: > 0 } only] ? only : null;

    static string? Secret(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim() is { Length: > 0 and <= 4096 } secret ? secret : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
