using Banyan.Server.Access;
using Banyan.Server.Differences;
using Banyan.Server.Git.Packs.Kept;
using Banyan.Server.Git.Transport;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Git;

/// <summary>Git's objects, refs and history.</summary>
static class GitFeature
{
    public static void AddGit(this IServiceCollection services)
    {
        services.AddSingleton<GitObjects>();
        services.AddSingleton<Refs>();
        services.AddSingleton<Revisions>();
        services.AddSingleton<History>();
        services.AddSingleton<RefsEndpoint>();
        services.AddSingleton<CommitsEndpoint>();
        services.AddSingleton<HistoryPages>();
        services.AddSingleton<TensorDiff>();
        services.AddSingleton<MeaningfulDiff>();
        services.AddSingleton<Branches>();
        services.AddSingleton<CommitGraphs>();
        services.AddSingleton<Reachability>();
        services.AddSingleton<PackTurns>();
        services.AddSingleton<InfoRefs>();
        services.AddSingleton<Fetches>();
        services.AddSingleton<LsRefs>();
        services.AddSingleton<KeptPacks>();
        services.AddSingleton<PackMaker>();
        services.AddJob<PackKeeper>();
        services.AddSingleton<PackSender>();
        services.AddSingleton<UploadPackV0>();
        services.AddSingleton<UploadPack>();
        services.AddSingleton<RefMoves>();
        services.AddSingleton<ReceivePack>();
    }

    public static void MapGit(this WebApplication app)
    {
        app.MapRepoApi("GET", "/refs", Need.Read, app.The<RefsEndpoint>().HandleAsync);
        app.MapRepoApi("GET", "/commits/{**rest}", Need.Read, app.The<CommitsEndpoint>().HandleAsync);
        app.MapRepoPage("GET", "/commits/{**rest}", Need.Read, app.The<HistoryPages>().ListAsync);
        app.MapRepoPage("GET", "/commit/{**rest}", Need.Read, app.The<HistoryPages>().CommitAsync);
        var branches = app.The<Branches>();
        app.MapRepoApi("POST", "/branch/{**rest}", Need.Write, branches.CreateBranchAsync);
        app.MapRepoApi("DELETE", "/branch/{**rest}", Need.Write, branches.DeleteBranchAsync);
        app.MapRepoApi("POST", "/tag/{**rest}", Need.Write, branches.CreateTagAsync);
        app.MapRepoApi("DELETE", "/tag/{**rest}", Need.Write, branches.DeleteTagAsync);
        app.MapRepoApi("POST", "/super-squash/{**rest}", Need.Write, branches.SquashAsync);
        foreach (var end in (ReadOnlySpan<string>)[".git", ""])
        {
            app.MapRepo("GET", end + "/info/refs", Need.Read, app.The<InfoRefs>().HandleAsync);
            app.MapRepo("POST", end + "/git-upload-pack", Need.Read, app.The<UploadPack>().HandleAsync, UploadPack.MaxBodyBytes);
            app.MapRepo("POST", end + "/git-receive-pack", Need.Contribute, app.The<ReceivePack>().HandleAsync, ReceivePack.MaxBodyBytes);
        }
    }
}
