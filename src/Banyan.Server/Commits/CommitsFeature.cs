using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Commits;

/// <summary>Changing the contents of repositories.</summary>
static class CommitsFeature
{
    public static void AddCommits(this IServiceCollection services)
    {
        services.AddSingleton<Committer>();
        services.AddSingleton<Preupload>();
        services.AddSingleton<CommitEndpoint>();
        services.AddSingleton<FileIntake>();
        services.AddSingleton<UploadPieces>();
        services.AddSingleton<UploadPages>();
    }

    public static void MapCommits(this WebApplication app)
    {
        app.MapRepoPage("GET", "/upload/{**rest}", Need.Contribute, app.The<UploadPages>().ShowAsync);
        app.MapRepoPage("POST", "/upload/{**rest}", Need.Contribute, app.The<UploadPages>().CommitAsync,
            UploadPages.MaxBytes, new ChecksForm());
        var pieces = app.The<UploadPieces>();
        app.MapRepoPage("POST", "/pieces", Need.Contribute, pieces.ArrivedAsync, metadata: new ChecksForm());
        app.MapRepoPage("PUT", "/pieces", Need.Contribute, pieces.PutAsync, metadata: new ChecksForm());
        app.MapRepoPage("POST", "/pieces/join", Need.Contribute, pieces.JoinAsync, metadata: new ChecksForm());
        app.MapRepoApi("POST", "/preupload/{**rest}", Need.Write, app.The<Preupload>().HandleAsync, maxBytes: 8 << 20, orContribute: true);
        app.MapRepoApi("POST", "/commit/{**rest}", Need.Write, app.The<CommitEndpoint>().HandleAsync,
            CommitReader.MaxBodyBytes, orContribute: true);
    }
}
