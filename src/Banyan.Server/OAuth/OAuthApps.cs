using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.OAuth;

/// <summary>An app that a user registered.</summary>
public sealed record OAuthApp
{
    /// <summary>Row in <c>oauth_apps</c>.</summary>
    public long Id { get; init; }

    /// <summary>Its <c>client_id</c>.</summary>
    public string Client { get; init; } = "";

    /// <summary>Name of the user who registered it.</summary>
    public string Owner { get; init; } = "";

    /// <summary>The name that users see.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its address, for people.</summary>
    public string? Homepage { get; init; }

    /// <summary>SHA-256 of its secret; null if it has none.</summary>
    public byte[]? SecretHash { get; init; }

    /// <summary>The redirect addresses, one per line.</summary>
    public string Redirects { get; init; } = "";

    /// <summary>The same as a list.</summary>
    public IReadOnlyList<string> Addresses => Redirects.Split('\n');

    /// <summary>Whether it needs a secret to obtain tokens: the app runs on a server.</summary>
    public bool IsConfidential => SecretHash is not null;
}

/// <summary>Apps that users register: the page that asks others to authorize an app names the user who registered it.</summary>
public sealed class OAuthApps(HubDatabase database, TimeProvider time)
{
    const int MaxApps = 50, MaxName = 100, MaxHomepage = 500;

    // An app whose owner left, or is suspended, has nobody who answers for it.
    const string Select =
        "SELECT o.id, o.client, a.name AS owner, o.name, o.homepage, o.secret_hash, o.redirects FROM oauth_apps o JOIN accounts a ON a.id = o.owner_id WHERE a.kind = 'user' AND a.suspended_at IS NULL";

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    /// <summary>The app of a client_id, or null.</summary>
    internal Task<OAuthApp?> FindAsync(string? client, CancellationToken cancellationToken) =>
        client is not { Length: > 0 and <= 64 } ? Task.FromResult<OAuthApp?>(null)
        : database.ReadAsync(c => c.QueryFirstOrDefaultAsync<OAuthApp>($"{Select} AND o.client = @client", new { client }),
            cancellationToken);

    /// <summary>A user's apps, or all.</summary>
    public async Task<IReadOnlyList<OAuthApp>> ListAsync(long? owner, CancellationToken cancellationToken) =>
        await database.ReadAsync(async c =>
            (await c.QueryAsync<OAuthApp>($"{Select}{(owner is null ? "" : " AND o.owner_id = @owner")} ORDER BY o.id",
                new { owner })).AsList(), cancellationToken);

    /// <summary>Registers an app.</summary>
    /// <returns>Its client_id, and its secret, the only time that it is shown; null if it has none.</returns>
    /// <exception cref="HubException">400: something about it is wrong.</exception>
    internal async Task<(string Client, string? Secret)> AddAsync(Caller owner, string name, string homepage, string redirects,
        bool isConfidential, CancellationToken cancellationToken)
    {
        if (name.Length is 0 or > MaxName
            || name.Any(c => char.IsControl(c) || char.GetUnicodeCategory(c) == System.Globalization.UnicodeCategory.Format))
            throw HubException.BadRequest($"An app has a name of 1 to {MaxName} characters, which its users are shown.");
        if (homepage.Length > MaxHomepage
            || (homepage.Length > 0
                && (!Uri.TryCreate(homepage, UriKind.Absolute, out var page) || page.Scheme is not ("http" or "https"))))
            throw HubException.BadRequest(
                $"The home page is an address with http or https, of up to {MaxHomepage} characters, or nothing.");
        var row = new
        {
            client = Guid.NewGuid().ToString(),
            owner = owner.UserId,
            name,
            homepage = homepage.Length == 0 ? null : homepage,
            redirects = string.Join('\n', RedirectAddresses.Read(redirects)),
            now = Now,
        };
        var secret = isConfidential ? "hfs_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)) : null;
        await database.WriteAsync(async t =>
        {
            if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM oauth_apps WHERE owner_id = @owner", row) >= MaxApps)
                throw HubException.BadRequest($"You have {MaxApps} apps: remove one first.");
            await t.ExecuteAsync(
                "INSERT INTO oauth_apps (client, owner_id, name, homepage, secret_hash, redirects, created_at) VALUES (@client, @owner, @name, @homepage, @hash, @redirects, @now)",
                new { row.client, row.owner, row.name, row.homepage, row.redirects, row.now, hash = secret is null ? null : Hash(secret) });
            await Audit.RecordAsync(t, "app.add", owner.Name, name);
        }, cancellationToken);
        return (row.client, secret);
    }

    /// <summary>Removes an app of a user, and ends what was granted to it.</summary>
    /// <returns>False if there is none.</returns>
    internal Task<bool> RemoveAsync(Caller owner, long id, CancellationToken cancellationToken) =>
        RemoveAsync("o.id = @id AND o.owner_id = @UserId", new { id, owner.UserId }, cancellationToken);

    /// <summary>Removes an app, whoever registered it, and revokes its grants.</summary>
    /// <exception cref="AccountException">There is none of this client_id.</exception>
    public async Task RemoveAsync(string client, CancellationToken cancellationToken)
    {
        if (!await RemoveAsync("o.client = @client", new { client }, cancellationToken))
            throw new AccountException($"there is no app with the client_id '{client}': banyan hub app list");
    }

    Task<bool> RemoveAsync(string condition, object parameters, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        if (await t.FirstAsync<OAuthApp>(
            $"SELECT o.id, o.client, o.name, a.name AS owner FROM oauth_apps o JOIN accounts a ON a.id = o.owner_id WHERE {condition}",
            parameters) is not { } app)
            return false;
        await t.ExecuteAsync("DELETE FROM oauth_codes WHERE client = @Client", app);
        foreach (var grant in await t.QueryAsync<long>("SELECT id FROM oauth_grants WHERE client = @Client AND ended_at IS NULL", app))
            await Grants.EndAsync(t, grant, Now, "the app was removed");
        await t.ExecuteAsync("DELETE FROM oauth_apps WHERE id = @Id", app);
        await Audit.RecordAsync(t, "app.remove", app.Owner, app.Name);
        return true;
    }, cancellationToken);

    /// <summary>Whether a secret is an app's.</summary>
    internal static bool IsSecret(OAuthApp app, string? secret) =>
        secret is not null && app.SecretHash is { } hash && CryptographicOperations.FixedTimeEquals(hash, Hash(secret));
}
