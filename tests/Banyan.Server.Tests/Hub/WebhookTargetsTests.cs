using System.Net;
using Banyan.Server.Webhooks;

namespace Banyan.Server.Tests.Hub;

public sealed class WebhookTargetsTests
{
    [Fact]
    public void The_hub_s_own_public_addresses_are_refused_by_name_and_by_number()
    {
        // An address of this machine, whatever network it is of.
        var own = System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(n => n.GetIPProperties().UnicastAddresses).Select(a => a.Address).ToArray();
        Assert.All(own, a => Assert.True(WebhookTargets.IsOwn(a)));
        Assert.False(WebhookTargets.IsOwn(IPAddress.Parse("93.184.216.34")));
        using var targets = new WebhookTargets(new() { DataFolder = ".", PublicUrl = "https://hub.example.org/x" });
        Assert.All((string[])["http://HUB.example.org:9000/told", "http://hub.example.org./told", "https://other.example.org/\n",
            "https://other.example.org/ x"],
            url => Assert.Throws<Banyan.Server.Access.HubException>(() => targets.Checked(url)));
        Assert.Equal("https://other.example.org/told", targets.Checked("https://other.example.org/told"));
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("10.1.2.3", true)]
    [InlineData("172.31.255.255", true)]
    [InlineData("172.32.0.1", false)]
    [InlineData("169.254.169.254", true)]
    [InlineData("100.64.0.1", true)]
    [InlineData("255.255.255.255", true)]
    [InlineData("0.0.0.0", true)]
    [InlineData("93.184.216.34", false)]
    [InlineData("::1", true)]
    [InlineData("::ffff:192.168.1.1", true)]
    [InlineData("64:ff9b::7f00:1", true)]
    [InlineData("64:ff9b:1::7f00:1", true)]
    [InlineData("::10.0.0.1", true)]
    [InlineData("fd00::1", true)]
    [InlineData("fe80::1", true)]
    [InlineData("2606:2800:220:1::1", false)]
    public void Addresses_of_the_hub_s_own_network_are_told_apart(string address, bool isPrivate) =>
        Assert.Equal(isPrivate, WebhookTargets.IsPrivate(IPAddress.Parse(address)));
}
