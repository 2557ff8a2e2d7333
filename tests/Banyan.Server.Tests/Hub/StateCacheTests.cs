using System.Net;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Support;
using Dapper;

namespace Banyan.Server.Tests.Hub;

/// <summary>
/// What the server remembers is never older than what another process committed: a right that was taken is taken at once.
/// </summary>
public sealed class StateCacheTests
{
    [Fact]
    public async Task A_change_by_another_program_is_seen_by_the_next_request()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-hub-").FullName;
        try
        {
            await using var hub = await HubServer.StartAsync(folder: folder);
            var repo = await hub.CreateRepoAsync("x", isPrivate: true, organization: "acme");
            await hub.CommitFilesAsync(repo, hub.Ana, ("a.txt", "1"));
            var url = $"/{repo}/resolve/main/a.txt";

            // As `banyan hub` does it: the same file, opened by somebody else.
            await using var database = new SqliteDatabase(Path.Combine(folder, "hub.db"));
            var other = new AccountStore(database, TimeProvider.System);
            for (var round = 0; round < 5; round++)
            {
                await other.SetMemberAsync("acme", "ben", Right.Read, default);
                for (var i = 0; i < 3; i++)
                    Assert.Equal(HttpStatusCode.OK, (await hub.GetAsync(url, hub.Ben)).StatusCode);
                await other.RemoveMemberAsync("acme", "ben", default);
                await HubServer.AssertErrorAsync(await hub.GetAsync(url, hub.Ben), HttpStatusCode.NotFound, "RepoNotFound");
            }

            await database.WriteAsync(t => t.Connection!.ExecuteAsync("UPDATE repos SET private = 0", null, t), default);
            Assert.Equal(HttpStatusCode.OK, (await hub.GetAsync(url)).StatusCode);
            await database.WriteAsync(t => t.Connection!.ExecuteAsync("UPDATE repos SET private = 1", null, t), default);
            await HubServer.AssertErrorAsync(await hub.GetAsync(url), HttpStatusCode.NotFound, "RepoNotFound");

            var token = (await other.TokensAsync("ana", default)).Single();
            Assert.Equal(HttpStatusCode.OK, (await hub.GetAsync(url, hub.Ana)).StatusCode);
            await other.RevokeTokenAsync(token.Id, default);
            await HubServer.AssertErrorAsync(await hub.GetAsync(url, hub.Ana), HttpStatusCode.Unauthorized);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
