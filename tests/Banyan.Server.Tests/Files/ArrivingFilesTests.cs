using Banyan.Server.Files;

namespace Banyan.Server.Tests.Files;

public class ArrivingFilesTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_commit_waits_for_the_file_it_names_and_for_no_other(bool fails)
    {
        var files = new ArrivingFiles(TimeProvider.System);
        var work = new TaskCompletionSource();
        var arrival = files.RunAsync(1, "aa", () => work.Task);
        var waiting = files.WaitAsync(1, ["bb", "aa"], TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        Assert.True(files.WaitAsync(2, ["aa"], TestContext.Current.CancellationToken).IsCompletedSuccessfully);
        Assert.True(files.WaitAsync(1, ["bb"], TestContext.Current.CancellationToken).IsCompletedSuccessfully);

        if (fails)
        {
            work.SetException(new InvalidDataException("not these bytes"));
            await Assert.ThrowsAsync<InvalidDataException>(() => arrival);
        }
        else
        {
            work.SetResult();
            await arrival;
        }
        await waiting.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.True(files.WaitAsync(1, ["aa"], TestContext.Current.CancellationToken).IsCompletedSuccessfully);
    }
}
