using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Repos;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Groups;

/// <summary>Resource groups in the database. Checks no permissions: see <see cref="Authoriser"/>.</summary>
sealed class GroupStore(HubDatabase database, TimeProvider time)
{
    const int MaxGroups = 200, MaxMembers = 1000;

    const string Columns = "id, org_id, name, description, created_at";

    /// <summary>
    /// In SQL, what <c>m</c>, a row of <c>members</c>, may do with <c>r</c>, a repository of that organization; null for nothing.
    /// </summary>
    public const string RoleOfMember =
        "CASE WHEN r.group_id IS NULL OR m.role = 'admin' THEN m.role ELSE (SELECT g.role FROM resource_group_members g WHERE g.group_id = r.group_id AND g.user_id = m.user_id) END";

    /// <summary>In SQL: <c>r</c>, a repository of an organization, is one that <c>@user</c>, a member, sees; or <c>@all</c> are.</summary>
    public const string SeenByMember =
        "(@all OR r.group_id IS NULL OR r.group_id IN (SELECT group_id FROM resource_group_members WHERE user_id = @user))";

    readonly StateCache<(long, long), Right> _rights = new(database);

    /// <summary>A user's right on a group's repositories.</summary>
    public ValueTask<Right> RightAsync(long group, long user, CancellationToken cancellationToken) => _rights.GetAsync(
        (group, user),
        async (_, ct) => await database.ReadAsync(
            c => c.ExecuteScalarAsync<string?>("SELECT role FROM resource_group_members WHERE group_id = @group AND user_id = @user",
                new { group, user }), ct) is { } role ? Enum.Parse<Right>(role, ignoreCase: true) : Right.None,
        cancellationToken);

    /// <summary>An organization's group, or null.</summary>
    public Task<ResourceGroup?> FindAsync(long org, long id, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<ResourceGroup>($"SELECT {Columns} FROM resource_groups WHERE org_id = @org AND id = @id",
            new { org, id }), cancellationToken);

    /// <summary>An organization's groups with their members and repositories, by name.</summary>
    public Task<IReadOnlyList<ResourceGroup>> ListAsync(long org, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<ResourceGroup>>(async c =>
        {
            var groups = (await c.QueryAsync<ResourceGroup>(
                $"SELECT {Columns} FROM resource_groups WHERE org_id = @org ORDER BY name_key", new { org })).AsList();
            if (groups.Count == 0)
                return groups;
            var users = (await c.QueryAsync<GroupMember>(
                """
                SELECT m.group_id, u.name AS "user", u.full_name, m.role FROM resource_groups g
                JOIN resource_group_members m ON m.group_id = g.id JOIN accounts u ON u.id = m.user_id
                WHERE g.org_id = @org ORDER BY u.name_key
                """, new { org })).ToLookup(m => m.GroupId);
            var repos = (await c.QueryAsync<Repo>(
                $"""
                SELECT {RepoStore.Columns} FROM repos r JOIN accounts a ON a.id = r.owner_id
                WHERE r.owner_id = @org AND r.group_id IS NOT NULL AND r.removed_at IS NULL ORDER BY r.name_key, r.type
                """, new { org })).ToLookup(r => r.GroupId);
            return [.. groups.Select(g => g with { Users = [.. users[g.Id]], Repos = [.. repos[g.Id]] })];
        }, cancellationToken);

    /// <summary>Makes a group without members.</summary>
    /// <exception cref="HubException">400, 409: the name is none, or taken; or there are too many.</exception>
    public async Task<ResourceGroup> CreateAsync(Account org, string name, string? description, CancellationToken cancellationToken)
    {
        if (name is not { Length: > 0 and <= 100 } || name.Any(char.IsControl) || description is { Length: > 500 })
            throw HubException.BadRequest("A resource group has a name of 1 to 100 characters, and a description of at most 500.");
        return await database.WriteAsync(async t =>
        {
            if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM resource_groups WHERE org_id = @Id", org) >= MaxGroups)
                throw HubException.BadRequest($"{org.Name} has {MaxGroups} resource groups: remove one first.");
            var made = await t.FirstAsync<ResourceGroup>(
                $"""
                INSERT INTO resource_groups (org_id, name, name_key, description, created_at) VALUES (@org, @name, @key, @description, @now)
                ON CONFLICT (org_id, name_key) DO NOTHING RETURNING {Columns}
                """, new { org = org.Id, name, key = Names.Key(name), description, now = time.GetUtcNow().ToUnixTimeMilliseconds() })
                ?? throw HubException.Conflict($"{org.Name} has a resource group {name} already.");
            await Audit.RecordAsync(t, "group.add", org.Name, name);
            return made;
        }, cancellationToken);
    }

    /// <summary>Removes an empty group; removing one with repositories would open them to the whole organization.</summary>
    /// <exception cref="HubException">400: it holds repositories.</exception>
    public Task RemoveAsync(Account org, ResourceGroup group, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM repos WHERE group_id = @Id AND removed_at IS NULL", group) > 0)
            throw HubException.BadRequest($"{group.Name} holds repositories: take them out first.");
        await t.ExecuteAsync("UPDATE repos SET group_id = NULL WHERE group_id = @Id", group);
        await t.ExecuteAsync("DELETE FROM resource_groups WHERE id = @Id", group);
        await Audit.RecordAsync(t, "group.remove", org.Name, group.Name);
    }, cancellationToken);

    /// <summary>Makes members of the organization members of a group, or changes their roles.</summary>
    /// <exception cref="HubException">403: one is no member of the organization; 400: they are too many.</exception>
    public Task SetMembersAsync(Account org, ResourceGroup group, IReadOnlyList<(string User, Right Role)> members,
        CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        foreach (var (user, role) in members)
        {
            var row = await t.FirstAsync<long?>(
                "SELECT u.id FROM accounts u JOIN members m ON m.user_id = u.id WHERE m.org_id = @Id AND u.name_key = @key",
                new { org.Id, key = Names.Key(user) }) ?? throw NoMember(user, org.Name);
            await t.ExecuteAsync(
                """
                INSERT INTO resource_group_members (group_id, user_id, role) VALUES (@group, @row, @role)
                ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role
                """, new { group = group.Id, row, role = role.ToString().ToLowerInvariant() });
            await Audit.RecordAsync(t, "group.member", org.Name,
                $"{group.Name}: {await Audit.NameAsync(t, row)}: {role.ToString().ToLowerInvariant()}");
        }
        if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM resource_group_members WHERE group_id = @Id", group) > MaxMembers)
            throw HubException.BadRequest($"A resource group has at most {MaxMembers} members.");
    }, cancellationToken);

    /// <summary>Takes a member out of a group.</summary>
    /// <exception cref="HubException">403: there is none.</exception>
    public Task RemoveMemberAsync(Account org, ResourceGroup group, string user, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
        {
            if (await t.ExecuteAsync(
                "DELETE FROM resource_group_members WHERE group_id = @Id AND user_id = (SELECT id FROM accounts WHERE name_key = @key)",
                new { group.Id, key = Names.Key(user) }) == 0)
                throw NoMember(user, group.Name);
            await Audit.RecordAsync(t, "group.member", org.Name, $"{group.Name}: {user}: removed");
        }, cancellationToken);

    /// <summary>Puts a repository into a group of its organization, or out of all.</summary>
    public Task PutAsync(Repo repo, ResourceGroup? group, CancellationToken cancellationToken) =>
        database.WriteAsync(t => PutAsync(t, repo, group), cancellationToken);

    /// <inheritdoc cref="PutAsync(Repo, ResourceGroup?, CancellationToken)"/>
    public static async Task PutAsync(DbTransaction t, Repo repo, ResourceGroup? group)
    {
        await t.ExecuteAsync("UPDATE repos SET group_id = @group WHERE id = @Id AND owner_id = @owner",
            new { group = group?.Id, repo.Id, owner = group?.OrgId ?? repo.OwnerId });
        await Audit.RecordAsync(t, "repo.group", repo.Path, group?.Name ?? "none");
    }

    static HubException NoMember(string user, string of) => HubException.Forbidden($"'{user}' is no member of '{of}'");
}
