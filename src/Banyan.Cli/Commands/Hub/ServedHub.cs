using System.Diagnostics;
using System.Net.Http.Headers;
using Banyan.Client;
using Banyan.Server;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Cli.Commands.Hub;

/// <summary>A hub served to this command alone, for the programs git and git-lfs, with a token that expires with it: their pushes are
/// checked like any other. The hub itself may run at the same time.</summary>
sealed class ServedHub : IAsyncDisposable
{
    // A command that is killed leaves its token behind, for so long.
    static readonly TimeSpan s_longest = TimeSpan.FromDays(2);

    readonly WebApplication _app;
    readonly string _user, _token, _name;

    ServedHub(WebApplication app, string user, string token, string name) => (_app, _user, _token, _name) = (app, user, token, name);

    string Address => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>Serves the hub for a user writers to a namespace.</summary>
    /// <exception cref="CommandException">There is no such namespace, or nobody may write there.</exception>
    public static async Task<ServedHub> StartAsync(HubOptions options, string owner, CancellationToken cancellationToken)
    {
        Actor.Act(Actor.Command);
        var app = BanyanServer.Build(new ServerOptions { Host = "127.0.0.1", Port = 0, Hub = options });
        try
        {
            var accounts = app.Services.GetRequiredService<AccountStore>();
            var account = await RepoCommand.NamespaceAsync(accounts, owner, cancellationToken);
            var user = account.Kind == "user" ? account.Name
                : (await accounts.MembersAsync(account.Id, cancellationToken)).Where(m => m.Org == account.Name).MaxBy(m => m.Role)?.User
                ?? throw new CommandException(
                    $"{account.Name} has no members: banyan hub org member {account.Name} USER --role admin gives it one, as whom this is done");
            var name = $"import and export {Guid.NewGuid():N}";
            var token = await accounts.AddTokenAsync(user, name, TokenRole.Write, null,
                DateTimeOffset.UtcNow + s_longest, cancellationToken);
            await app.StartAsync(cancellationToken);
            return new(app, user, token, name);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>The address of a repository for git.</summary>
    public string Url(RepoType type, string name) => $"{Address}/{new RepoId(type, name)}";

    /// <summary>A client of its API.</summary>
    public HttpClient Client() =>
        new() { BaseAddress = new(Address), DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", _token) } };

    /// <summary>Runs git; its progress goes to stderr.</summary>
    /// <returns>Its exit status.</returns>
    public async Task<int> GitAsync(string folder, string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true };
        // The token is for this address alone, and on no command line. Hooks of the repository do not run, and of git's transports only
        // those of addresses.
        foreach (var (name, value) in new[]
        {
            ("GIT_CONFIG_COUNT", "4"), ("GIT_CONFIG_KEY_0", $"http.{Address}/.extraHeader"),
            ("GIT_CONFIG_VALUE_0", $"Authorization: Bearer {_token}"), ("GIT_CONFIG_KEY_1", "core.hooksPath"),
            ("GIT_CONFIG_VALUE_1", "/dev/null"), ("GIT_CONFIG_KEY_2", "lfs.locksverify"), ("GIT_CONFIG_VALUE_2", "false"),
            ("GIT_CONFIG_KEY_3", "lfs.concurrenttransfers"), ("GIT_CONFIG_VALUE_3", "4"),
            ("GIT_ALLOW_PROTOCOL", "http:https:ssh:git:file"),
        })
            start.Environment[name] = value;
        Process git;
        try
        {
            git = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new CommandException(
                "the program git is not installed here, and brings the repository: install it (and git-lfs, for large files)");
        }
        using (git)
        {
            try
            {
                var output = git.StandardOutput.BaseStream.CopyToAsync(Console.OpenStandardError(), cancellationToken);
                await git.WaitForExitAsync(cancellationToken);
                await output;
                return git.ExitCode;
            }
            catch (OperationCanceledException)
            {
                git.Kill(entireProcessTree: true);
                throw;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        var accounts = _app.Services.GetRequiredService<AccountStore>();
        foreach (var token in (await accounts.TokensAsync(_user, default)).Where(t => t.Name == _name))
            await accounts.RevokeTokenAsync(token.Id, default);
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
