using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Accounts;

/// <summary>A change of accounts that is not possible; the message says why.</summary>
public sealed class AccountException(ErrorText message) : ToldException(message);

/// <summary>Users, organizations and tokens in the hub's database.</summary>
public sealed class AccountStore(HubDatabase database, TimeProvider time)
{
    const string Columns = "id, kind, name, full_name, email, created_at, is_admin, suspended_at, quota";

    const int MaxOrganizations = 200, MaxMemberships = 1000, MaxTokens = 1000;

    readonly StateCache<(long, long), Right> _members = new(database);
    readonly StateCache<string, (Caller Caller, long? ExpiresAt)?> _tokens = new(database);
    readonly StateCache<long, (Caller Caller, long? ExpiresAt)?> _tokensById = new(database);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Makes a user or an organization.</summary>
    /// <exception cref="AccountException">The name is taken or invalid.</exception>
    public async Task<Account> AddAsync(string kind, string name, string? fullName, string? email, CancellationToken cancellationToken)
    {
        if (Names.AccountProblem(name) is { } problem)
            throw new AccountException(problem);
        return await database.WriteAsync(t => InsertAsync(t, kind, name, fullName, email), cancellationToken) ?? throw Taken(name);
    }

    /// <summary>The account of a name, or null.</summary>
    public Task<Account?> FindAsync(string name, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<Account>(
            $"SELECT {Columns} FROM accounts WHERE name_key = @key AND kind IN ('user', 'org')", new { key = Names.Key(name) }),
        cancellationToken);

    /// <summary>The account of a row.</summary>
    public Task<Account?> FindAsync(long id, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<Account>($"SELECT {Columns} FROM accounts WHERE id = @id", new { id }), cancellationToken);

    /// <inheritdoc cref="FindAsync(long, CancellationToken)"/>
    internal Task<Account?> FindAsync(System.Data.Common.DbTransaction t, long id) =>
        t.FirstAsync<Account>($"SELECT {Columns} FROM accounts WHERE id = @id", new { id });

    /// <summary>The account of a name and kind.</summary>
    /// <exception cref="AccountException">There is none.</exception>
    public async Task<Account> GetAsync(string kind, string name, CancellationToken cancellationToken) =>
        await FindAsync(name, cancellationToken) is { } account && account.Kind == kind
            ? account : throw new AccountException($"there is no {(kind == "org" ? (ErrorText)"organization" : "user")} '{name}'");

    /// <summary>All users, or all organizations.</summary>
    public async Task<IReadOnlyList<Account>> ListAsync(string kind, CancellationToken cancellationToken) => await database.ReadAsync(
        async c =>
            (await c.QueryAsync<Account>($"SELECT {Columns} FROM accounts WHERE kind = @kind ORDER BY name_key", new { kind })).AsList(),
            cancellationToken);

    /// <summary>Whether there is any user.</summary>
    public Task<bool> HasUsersAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(async c => await c.ExecuteScalarAsync<long?>("SELECT id FROM accounts WHERE kind = 'user' LIMIT 1") is not null,
            cancellationToken);

    /// <summary>
    /// Removes an account that owns nothing. Its name stays reserved, so that nobody can impersonate it; its tokens are revoked at once.
    /// </summary>
    /// <exception cref="AccountException">It does not exist, or owns repositories.</exception>
    public async Task RemoveAsync(string kind, string name, CancellationToken cancellationToken)
    {
        var account = await GetAsync(kind, name, cancellationToken);
        await database.WriteAsync(async t =>
        {
            var repos = await t.ScalarAsync<long>("SELECT COUNT(*) FROM repos WHERE owner_id = @Id AND removed_at IS NULL", account);
            if (repos > 0)
                throw new AccountException(
                    $"'{name}' owns {repos} repositories: delete or move them first (an admin of the hub may: banyan hub repo list {name}, banyan hub user remove {name} --move-repos-to NAMESPACE)");
            await t.ExecuteAsync("UPDATE tokens SET revoked_at = @now WHERE user_id = @Id AND revoked_at IS NULL",
                new { account.Id, now = Now });
            await t.ExecuteAsync("DELETE FROM members WHERE org_id = @Id OR user_id = @Id", account);
            await t.ExecuteAsync("DELETE FROM resource_group_members WHERE user_id = @Id", account);
            await t.ExecuteAsync("DELETE FROM resource_groups WHERE org_id = @Id", account);
            await t.ExecuteAsync("DELETE FROM collections WHERE owner_id = @Id", account);
            await t.ExecuteAsync("DELETE FROM follows WHERE account_id = @Id OR user_id = @Id", account);
            await t.ExecuteAsync("DELETE FROM watches WHERE user_id = @Id", account);
            await t.ExecuteAsync("DELETE FROM notifications WHERE user_id = @Id", account);
            // By what one signed in; who a provider says that they were is kept, so that they are no new user tomorrow.
            foreach (var table in (string[])["passwords", "passkeys", "recovery_codes", "second_factors", "signing_keys"])
                await t.ExecuteAsync($"DELETE FROM {table} WHERE user_id = @Id", account);
            await t.ExecuteAsync("UPDATE accounts SET kind = 'removed', email = NULL, is_admin = @no WHERE id = @Id",
                new { account.Id, no = false });
            await Audit.RecordAsync(t, $"{kind}.remove", account.Name);
        }, cancellationToken);
    }

    /// <summary>Sets or removes a user's mail address. The audit records the change, not the address.</summary>
    internal Task SetEmailAsync(long user, string? email, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("UPDATE accounts SET email = @email WHERE id = @user AND kind = 'user'", new { user, email });
        await Audit.RecordAsync(t, "user.email", await Audit.NameAsync(t, user), email is null ? "removed" : "set");
    }, cancellationToken);

    /// <summary>Sets whether a user may add and remove others over the API.</summary>
    /// <exception cref="AccountException">There is no such user.</exception>
    public async Task SetAdminAsync(string user, bool isAdmin, CancellationToken cancellationToken)
    {
        var account = await GetAsync("user", user, cancellationToken);
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("UPDATE accounts SET is_admin = @isAdmin WHERE id = @Id", new { isAdmin, account.Id });
            await Audit.RecordAsync(t, "user.admin", account.Name, isAdmin ? "yes" : "no");
        }, cancellationToken);
    }

    /// <summary>Whether the caller is an admin of the hub, with a token of the role write.</summary>
    internal async ValueTask<bool> IsAdminAsync(Caller caller, CancellationToken cancellationToken) =>
        caller is { IsAnonymous: false, Role: TokenRole.Write } && await FindAsync(caller.UserId, cancellationToken) is { IsAdmin: true };

    /// <summary>Suspends a user, whose tokens then permit nothing, or lifts the suspension. What the user owns does not change.</summary>
    /// <exception cref="AccountException">There is no such user.</exception>
    public async Task SuspendAsync(string user, bool isSuspended, CancellationToken cancellationToken)
    {
        var account = await GetAsync("user", user, cancellationToken);
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("UPDATE accounts SET suspended_at = @at WHERE id = @Id",
                new { at = isSuspended ? Now : (long?)null, account.Id });
            await Audit.RecordAsync(t, isSuspended ? "user.suspend" : "user.resume", account.Name);
        }, cancellationToken);
    }

    /// <summary>Makes a user a member of an organization, or changes the role.</summary>
    /// <exception cref="AccountException">One of them does not exist.</exception>
    public async Task SetMemberAsync(string org, string user, Right role, CancellationToken cancellationToken)
    {
        var (o, u) = (await GetAsync("org", org, cancellationToken), await GetAsync("user", user, cancellationToken));
        await database.WriteAsync(async t =>
        {
            // Every list of what a user sees asks for all of them, and anybody may make an organization.
            if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM members WHERE user_id = @user AND org_id <> @org",
                new { org = o.Id, user = u.Id }) >= MaxMemberships)
                throw new AccountException($"'{user}' is a member of {MaxMemberships} organizations: a user is of no more");
            await t.ExecuteAsync(
                "INSERT INTO members (org_id, user_id, role) VALUES (@org, @user, @role) ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role",
                new { org = o.Id, user = u.Id, role = role.ToString().ToLowerInvariant() });
            await Audit.RecordAsync(t, "member.set", o.Name, $"{u.Name}: {role.ToString().ToLowerInvariant()}");
        }, cancellationToken);
    }

    /// <summary>Removes a member.</summary>
    /// <exception cref="AccountException">There is none.</exception>
    public async Task RemoveMemberAsync(string org, string user, CancellationToken cancellationToken)
    {
        var (o, u) = (await GetAsync("org", org, cancellationToken), await GetAsync("user", user, cancellationToken));
        await database.WriteAsync(async t =>
        {
            if (await t.ExecuteAsync("DELETE FROM members WHERE org_id = @org AND user_id = @user", new { org = o.Id, user = u.Id }) == 0)
                throw new AccountException($"'{user}' is no member of '{org}'");
            await t.ExecuteAsync(
                "DELETE FROM resource_group_members WHERE user_id = @user AND group_id IN (SELECT id FROM resource_groups WHERE org_id = @org)",
                new { org = o.Id, user = u.Id });
            await Audit.RecordAsync(t, "member.remove", o.Name, u.Name);
        }, cancellationToken);
    }

    /// <summary>Members of an organization, or the organizations of a user.</summary>
    public async Task<IReadOnlyList<Member>> MembersAsync(long account, CancellationToken cancellationToken) => await database.ReadAsync(
        async c => (await c.QueryAsync<Member>(
            """
            SELECT u.name AS "user", o.name AS org, o.id AS org_id, m.role, o.full_name AS org_full_name, u.full_name AS user_full_name FROM members m JOIN accounts u ON u.id = m.user_id JOIN accounts o ON o.id = m.org_id
            WHERE m.org_id = @account OR m.user_id = @account ORDER BY o.name_key, u.name_key
            """,
            new { account })).AsList(),
        cancellationToken);

    /// <summary>Makes an organization with its first admin.</summary>
    /// <exception cref="AccountException">The name is taken or invalid.</exception>
    internal async Task<Account> AddOrganizationAsync(string name, string? fullName, long admin, CancellationToken cancellationToken)
    {
        if (Names.AccountProblem(name) is { } problem)
            throw new AccountException(problem);
        return await database.WriteAsync(async t =>
        {
            if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM members WHERE user_id = @admin AND role = 'admin'",
                new { admin }) >= MaxOrganizations)
                throw new AccountException($"you are an admin of {MaxOrganizations} organizations: remove one first");
            var made = await InsertAsync(t, "org", name, fullName, null);
            if (made is not null)
                await t.ExecuteAsync("INSERT INTO members (org_id, user_id, role) VALUES (@Id, @admin, 'admin')", new { made.Id, admin });
            return made;
        }, cancellationToken) ?? throw Taken(name);
    }

    static AccountException Taken(string name) => new($"the name '{name}' is taken, now or once: choose another");

    async Task<Account?> InsertAsync(System.Data.Common.DbTransaction t, string kind, string name, string? fullName, string? email)
    {
        var made = await t.FirstAsync<Account>(
            """
            INSERT INTO accounts (kind, name, name_key, full_name, email, created_at) VALUES (@kind, @name, @key, @fullName, @email, @now)
            ON CONFLICT (name_key) DO NOTHING RETURNING id, kind, name, full_name, email, created_at
            """,
            new { kind, name, key = Names.Key(name), fullName, email, now = Now });
        if (made is not null)
            await Audit.RecordAsync(t, $"{kind}.add", made.Name);
        return made;
    }

    /// <summary>How many public repositories of each type an account has.</summary>
    internal async Task<Dictionary<string, long>> PublicReposAsync(long account, CancellationToken cancellationToken) =>
        (await database.ReadAsync(
        c => c.QueryAsync<(string Type, long Count)>(
            "SELECT type, COUNT(*) FROM repos WHERE owner_id = @account AND private = @no AND disabled = @no GROUP BY type",
            new { account, no = false }),
        cancellationToken)).ToDictionary(r => r.Type, r => r.Count);

    /// <summary>Rows of the organizations of a user.</summary>
    internal async Task<IReadOnlyList<long>> OrganizationsAsync(long user, CancellationToken cancellationToken) => await database.ReadAsync(
        async c => (await c.QueryAsync<long>("SELECT org_id FROM members WHERE user_id = @user", new { user })).AsList(),
        cancellationToken);

    /// <summary>A user's right on an organization's repositories.</summary>
    internal ValueTask<Right> MemberRightAsync(long org, long user, CancellationToken cancellationToken) => _members.GetAsync(
        (org, user),
        async (_, ct) =>
            await database.ReadAsync(c => c.ExecuteScalarAsync<string?>("SELECT role FROM members WHERE org_id = @org AND user_id = @user",
                new { org, user }), ct) is { } role
            ? Enum.Parse<Right>(role, ignoreCase: true) : Right.None,
        cancellationToken);

    /// <summary>Makes a token.</summary>
    /// <returns>Its text, which is shown only once.</returns>
    /// <exception cref="AccountException">There is no such user, or the text is not a token.</exception>
    public async Task<string> AddTokenAsync(
        string user, string name, TokenRole role, IReadOnlyList<TokenScope>? scopes, DateTimeOffset? expires,
        CancellationToken cancellationToken, string? text = null)
    {
        var account = await GetAsync("user", user, cancellationToken);
        if (role == TokenRole.FineGrained && scopes is null or [])
            throw new AccountException("a fine-grained token needs at least one scope: say what it may be used on");
        if (role == TokenRole.FineGrained && scopes!.Select(s => s.Problem()).FirstOrDefault(p => p is not null) is { } problem)
            throw new AccountException(problem);
        return await database.WriteAsync(t => InsertTokenAsync(t, account, name, role, scopes, expires?.ToUnixTimeMilliseconds(), text),
            cancellationToken);
    }

    /// <summary>Makes a token in a transaction that does more.</summary>
    /// <param name="t">That transaction.</param>
    /// <param name="user">Whose it is.</param>
    /// <param name="name">What it is for.</param>
    /// <param name="role">What it may do.</param>
    /// <param name="scopes">Scopes of a fine-grained one; without any it only identifies its user.</param>
    /// <param name="expires">Unix milliseconds, or null for never.</param>
    /// <param name="text">Its text, or null for a new one.</param>
    /// <param name="grant">The grant that it comes of (<see cref="OAuth.Grants"/>), or null.</param>
    /// <returns>Its text.</returns>
    /// <exception cref="AccountException">The user has too many.</exception>
    internal async Task<string> InsertTokenAsync(
        System.Data.Common.DbTransaction t, Account user, string name, TokenRole role, IReadOnlyList<TokenScope>? scopes, long? expires,
        string? text = null, long? grant = null)
    {
        text ??= TokenText.New();
        if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM tokens WHERE user_id = @Id AND revoked_at IS NULL", user) >= MaxTokens)
            throw new AccountException($"'{user.Name}' has {MaxTokens} tokens: remove some first");
        await t.ExecuteAsync(
            "INSERT INTO tokens (user_id, name, hash, role, scopes, created_at, expires_at, grant_id) VALUES (@user, @name, @hash, @role, @scopes, @now, @expires, @grant)",
            new
            {
                user = user.Id,
                name,
                hash = TokenText.Hash(text),
                role = TokenText.Name(role),
                scopes = role == TokenRole.FineGrained ? TokenScope.Write(scopes!) : null,
                now = Now,
                expires,
                grant,
            });
        await Audit.RecordAsync(t, "token.add", user.Name, $"{TokenText.Name(role)}: {name}");
        return text;
    }

    /// <summary>The valid tokens of one user, or of all.</summary>
    public async Task<IReadOnlyList<Token>> TokensAsync(string? user, CancellationToken cancellationToken) => await database.ReadAsync(
        async c => (await c.QueryAsync<Token>(
            """
            SELECT t.id, a.name AS "user", t.name, t.role, t.scopes, t.created_at, t.expires_at, t.grant_id FROM tokens t JOIN accounts a ON a.id = t.user_id
            WHERE t.revoked_at IS NULL AND (@key IS NULL OR a.name_key = @key) ORDER BY a.name_key, t.id
            """,
            new { key = user is null ? null : Names.Key(user) })).AsList(),
        cancellationToken);

    /// <summary>
    /// Revokes a token at once. A token issued under a grant is revoked together with the grant, which would otherwise soon issue another.
    /// </summary>
    /// <exception cref="AccountException">There is no such token.</exception>
    public async Task RevokeTokenAsync(long id, CancellationToken cancellationToken)
    {
        await database.WriteAsync(async t =>
        {
            if (await t.ExecuteAsync("UPDATE tokens SET revoked_at = @now WHERE id = @id AND revoked_at IS NULL",
                new { id, now = Now }) == 0)
                throw new AccountException($"there is no token {id} that lives");
            var (user, name, grant) =
                await t.FirstAsync<(string User, string Name, long? Grant)>(
                    "SELECT a.name, t.name, t.grant_id FROM tokens t JOIN accounts a ON a.id = t.user_id WHERE t.id = @id", new { id });
            await Audit.RecordAsync(t, "token.revoke", user, name);
            if (grant is { } of)
                await OAuth.Grants.EndAsync(t, of, Now);
        }, cancellationToken);
    }

    /// <summary>The token as it was made, for <c>whoami</c>.</summary>
    internal Task<Token?> TokenAsync(long id, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<Token>(
            "SELECT t.id, t.name, t.role, t.scopes, t.created_at, t.expires_at, t.grant_id, g.scopes AS grant_scopes FROM tokens t LEFT JOIN oauth_grants g ON g.id = t.grant_id WHERE t.id = @id", new { id }), cancellationToken);

    /// <summary>The owner of a token, or null if the token is not valid.</summary>
    internal async ValueTask<Caller?> FindCallerAsync(string token, CancellationToken cancellationToken) =>
        token.Length <= TokenText.MaxLength
        && await _tokens.GetAsync(token, (text, ct) => FindTokenAsync("t.hash = @hash", new { hash = TokenText.Hash(text) }, ct),
            cancellationToken) is { } found
        && !(found.ExpiresAt <= Now) ? found.Caller : null;

    /// <summary>As <see cref="FindCallerAsync(string, CancellationToken)"/>, by the token's row.</summary>
    internal async ValueTask<Caller?> FindCallerAsync(long token, CancellationToken cancellationToken) =>
        await _tokensById.GetAsync(token, (id, ct) => FindTokenAsync("t.id = @id", new { id }, ct), cancellationToken) is { } found
        && !(found.ExpiresAt <= Now) ? found.Caller : null;

    async Task<(Caller, long?)?> FindTokenAsync(string condition, object parameters, CancellationToken cancellationToken)
    {
        var row = await database.ReadAsync(
            c => c.QueryFirstOrDefaultAsync<(long Id, long UserId, string? User, string Role, string? Scopes, long? ExpiresAt,
                long? SuspendedAt)>(
                $"""
                SELECT t.id, t.user_id, a.name, t.role, t.scopes, t.expires_at, a.suspended_at FROM tokens t JOIN accounts a ON a.id = t.user_id
                WHERE {condition} AND t.revoked_at IS NULL AND a.kind = 'user'
                """,
                parameters),
            cancellationToken);
        return row.User is null
            ? null
            : (new Caller
            {
                UserId = row.UserId,
                Name = row.User,
                TokenId = row.Id,
                Role = TokenText.Role(row.Role),
                Scopes = TokenScope.Read(row.Scopes),
                IsSuspended = row.SuspendedAt is not null
            }, row.ExpiresAt);
    }
}
